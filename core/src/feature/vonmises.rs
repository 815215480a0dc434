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

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() <= 1e-13 * expected.abs()
    }

    #[test]
    fn bessel_functions_are_those_of_scipy() {
        // scipy.special.i0e(x), and 1 - I1(x)/I0(x) to 50 digits.
        for (x, zeroth, off) in [
            (0.0, 1.0, 1.0),
            (1e-9, 0.9999999989999996, 0.9999999995),
            (0.001, 0.9990007495835156, 0.9995000000625),
            (0.5, 0.64503527044915, 0.757500387419198),
            (1.0, 0.46575960759364043, 0.5536100341034655),
            (2.0, 0.308508322553671, 0.302225342035992),
            (3.75, 0.2144570512300487, 0.14682954054693154),
            (8.0, 0.1434317818568503, 0.0647645064705614),
            (15.0, 0.1038995314488227, 0.033930436013491876),
            (19.999, 0.08978258606096536, 0.02533077605096601),
            (20.0, 0.089780311884826, 0.025329492110192874),
            (20.001, 0.08977803788155497, 0.025328208299648727),
            (25.0, 0.08019677354743669, 0.02020854650948407),
            (50.0, 0.056561626647454184, 0.010051032621502247),
            (700.0, 0.015081295651531355, 0.0007145411815739067),
            (1e4, 0.0039894726746047314, 5.000125012501954e-05),
            (1e8, 3.989422809001105e-05, 5.0000000125e-09),
        ] {
            let found = bessel(x);
            assert!(close(found.0, zeroth) && close(found.1, off), "{x}: {found:?}");
        }
    }

    #[test]
    fn the_concentration_is_where_the_mean_point_is() {
        for number in 1..1_000 {
            let short = f64::from(number) / 1_000.0;
            let found = concentration(1.0 - short, short);
            assert!((bessel(found).1 - short).abs() <= 1e-14, "{short}: {found}");
        }
        // 1/2, 1 and more short of the circle; and as near to it as a thousand million equal points come.
        assert_eq!(concentration(0.0, 1.0), 0.0);
        assert!(close(concentration(1e-9, 1.0 - 1e-9), 2e-9));
        let near = concentration(1.0 - 1e-9, 1e-9);
        assert!((near - 5e8).abs() < 1.0, "{near}");
    }

    /// -ln of the density, of times of day.
    fn of_times(times: &[i64], own: i64) -> f64 {
        let point = |time: &i64| {
            let angle = TAU * (*time as f64 / 86_400_000.0);
            [libm::cos(angle), libm::sin(angle)]
        };
        let sum = times.iter().map(point).fold([0.0, 0.0], |sum, [x, y]| [sum[0] + x, sum[1] + y]);
        surprise(point(&own), sum, times.len() as u64)
    }

    #[test]
    fn densities_are_those_of_scipy() {
        let late = [23 * HOUR, 23 * HOUR + HOUR / 2, 0, HOUR / 2, HOUR];
        let morning = [9 * HOUR, 34_200_000, 10 * HOUR, 29_400_000, 33_634_567];
        // -scipy.stats.vonmises.logpdf(own, kappa, loc), kappa from I1(kappa)/I0(kappa) = length of the sum / (n + 1).
        let cases: [(&[i64], i64, f64); 9] = [
            (&[9 * HOUR; 5], 9 * HOUR, 0.35949816488320385),
            (&[9 * HOUR; 5], 21 * HOUR, 7.075686933692164),
            (&morning, 3 * HOUR, 3.743478768573706),
            (&late, 12 * HOUR, 6.658247772899903),
            (&late, 24 * HOUR - 1, 0.3991717041209334),
            (&[0, 6 * HOUR, 12 * HOUR, 18 * HOUR], 5 * HOUR, 1.8378770664093456),
            (&[0, 6 * HOUR, 12 * HOUR, 18 * HOUR, HOUR], 5 * HOUR, 1.6972123370962615),
            (&[12 * HOUR; 4_000], 12 * HOUR + 60_000, -2.8625919937833837),
            (&[12 * HOUR; 4_000], 0, 3998.6185498777077),
        ];
        for (times, own, expected) in cases {
            let found = of_times(times, own);
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs(),
                "{own}: {found}, expected {expected}"
            );
        }
        // Of nothing, and of what is nowhere in the mean.
        for count in [0, 4] {
            assert_eq!(surprise([0.0, 1.0], [0.0, 0.0], count), libm::log(TAU));
        }
    }

    #[test]
    fn midnight_is_no_edge_and_what_is_farther_is_more_unusual() {
        let around = |noon: i64| [-2, -1, 0, 1, 3].map(|hours| (noon + hours * HOUR).rem_euclid(24 * HOUR));
        for minutes in 0..12 * 60 {
            let after = |noon: i64| of_times(&around(noon), (noon + minutes * 60_000).rem_euclid(24 * HOUR));
            assert!((after(0) - after(12 * HOUR)).abs() < 1e-12, "{minutes}");
            let centre = of_times(&[9 * HOUR; 5], 9 * HOUR + minutes * 60_000);
            let next = of_times(&[9 * HOUR; 5], 9 * HOUR + (minutes + 1) * 60_000);
            assert!(centre < next, "{minutes}");
        }
    }
}
