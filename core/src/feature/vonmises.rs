//! The von Mises distribution: what the normal distribution is on a line, on a circle.
//!
//! Mardia and Jupp, *Directional Statistics*, 2000; Best and Fisher, "The bias of the maximum likelihood estimators of
//! the von Mises-Fisher concentration parameters", 1981; Abramowitz and Stegun, 9.6.10 and 9.7.1.

use std::f64::consts::TAU;

/// Beyond this the Bessel functions are summed by their asymptotic series, whose least term is then below 2^-53.
const FAR: f64 = 20.0;
/// More terms than either series ever needs.
const MOST_TERMS: u32 = 100;

/// How unusual a point of the circle is among others of which the sum and the number are given: -ln of the density
/// (per radian) of the distribution that fits them best, beside one point that may be anywhere.
///
/// That point takes away what few points overstate, much as Best and Fisher's correction does, and keeps the
/// concentration finite where all points are the same.
pub(super) fn surprise(point: [f64; 2], sum: [f64; 2], count: u64) -> f64 {
    let (length, all) = (libm::hypot(sum[0], sum[1]), (count + 1) as f64);
    let concentration = concentration(length / all, (all - length) / all);
    let mean = if length > 0.0 { sum.map(|part| part / length) } else { point };
    // 1 - cos of the angle between the two, without cancellation.
    let apart =
        ((point[0] - mean[0]) * (point[0] - mean[0]) + (point[1] - mean[1]) * (point[1] - mean[1])) / 2.0;
    libm::log(TAU * bessel(concentration).0) + concentration * apart
}

/// The concentration at which the mean point is so far from the centre, and `short` of the circle: by Newton's method.
fn concentration(length: f64, short: f64) -> f64 {
    if length < 1e-8 {
        // The first term of the series; the next is beyond the precision.
        return 2.0 * length;
    }
    // Fisher, *Statistical Analysis of Circular Data*, 1993, 4.40: within a few per cent.
    let mut concentration = if length < 0.53 {
        length * (2.0 + length * length * (1.0 + 5.0 / 6.0 * length * length))
    } else if length < 0.85 {
        -0.4 + 1.39 * length + 0.43 / short
    } else {
        1.0 / (short * length * (2.0 + short))
    };
    for _ in 0..12 {
        let (_, off) = bessel(concentration);
        let slope = off * (2.0 - off) - (1.0 - off) / concentration;
        let step = (off - short) / slope;
        concentration += step;
        if libm::fabs(step) <= 1e-9 * concentration {
            break;
        }
    }
    concentration
}

/// exp(-x)·I0(x), and 1 - I1(x)/I0(x), of x from 0 on.
fn bessel(x: f64) -> (f64, f64) {
    if x > FAR { bessel_far(x) } else { bessel_near(x) }
}

/// By their power series, all terms of which are positive.
fn bessel_near(x: f64) -> (f64, f64) {
    let square = x * x / 4.0;
    let (mut term, mut zeroth, mut first) = (1.0, 1.0, 1.0);
    for number in 1..MOST_TERMS {
        let number = f64::from(number);
        term *= square / (number * number);
        zeroth += term;
        first += term / (number + 1.0);
        if term < zeroth * f64::EPSILON / 8.0 {
            break;
        }
    }
    (zeroth * libm::exp(-x), 1.0 - x / 2.0 * first / zeroth)
}

/// By their asymptotic series. The difference of the two is summed by itself, so that nothing cancels.
fn bessel_far(x: f64) -> (f64, f64) {
    // Term by term: I0 has (1·1·3·3·…)/(n!·(8x)^n), and I1 the same times -(2n+1)/(2n-1).
    let (mut term, mut zeroth, mut difference) = (1.0, 1.0, 0.0);
    for number in 1..MOST_TERMS {
        let odd = f64::from(2 * number - 1);
        let next = term * odd * odd / (8.0 * x * f64::from(number));
        if next >= term {
            break;
        }
        term = next;
        zeroth += term;
        difference += term * (1.0 + (odd + 2.0) / odd);
        if term < f64::EPSILON / 8.0 * difference {
            break;
        }
    }
    (zeroth / libm::sqrt(TAU * x), difference / zeroth)
}
