//! How well a score parts two sets.

/// Scores of those who should pass and of those who should not, sorted.
pub(crate) struct Curve {
    genuine: Vec<f64>,
    impostors: Vec<f64>,
}

impl Curve {
    pub(crate) fn new(mut genuine: Vec<f64>, mut impostors: Vec<f64>) -> Curve {
        genuine.sort_by(f64::total_cmp);
        impostors.sort_by(f64::total_cmp);
        Curve { genuine, impostors }
    }

    /// The part of the genuine that pass where no more than a part of the impostors do.
    pub(crate) fn passed_at(&self, rate: f64) -> f64 {
        let allowed = (self.impostors.len() as f64 * rate) as usize;
        // The impostor who must not pass any more: whoever scores higher passes.
        match self.impostors.len().checked_sub(allowed + 1) {
            Some(at) => above(&self.genuine, self.impostors[at]),
            None => 1.0,
        }
    }

    /// The probability that a genuine one scores higher than an impostor; equal scores count half.
    pub(crate) fn area(&self) -> f64 {
        let below = |score: f64| self.impostors.partition_point(|other| *other < score);
        let until = |score: f64| self.impostors.partition_point(|other| *other <= score);
        let wins: f64 = self.genuine.iter().map(|score| (below(*score) + until(*score)) as f64 / 2.0).sum();
        wins / (self.genuine.len() as f64 * self.impostors.len() as f64)
    }

    /// The part of either that is mistaken where both are mistaken alike: between the thresholds where the two
    /// rates cross, on the line from one to the other.
    pub(crate) fn equal_error(&self) -> f64 {
        let mut scores: Vec<f64> = self.genuine.iter().chain(&self.impostors).copied().collect();
        scores.sort_by(f64::total_cmp);
        scores.dedup();
        let mut before = (0.0, 1.0);
        for score in scores {
            let (rejected, accepted) = (1.0 - above(&self.genuine, score), above(&self.impostors, score));
            if rejected >= accepted {
                let (gap_before, gap) = (before.1 - before.0, rejected - accepted);
                let part = if gap_before + gap > 0.0 { gap_before / (gap_before + gap) } else { 0.0 };
                return before.0 + part * (rejected - before.0);
            }
            before = (rejected, accepted);
        }
        before.0
    }
}

/// The part of sorted scores that is higher.
fn above(sorted: &[f64], score: f64) -> f64 {
    (sorted.len() - sorted.partition_point(|other| *other <= score)) as f64 / sorted.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_of_known_shape() {
        let apart = Curve::new(vec![3.0, 4.0], vec![1.0, 2.0]);
        assert_eq!((apart.area(), apart.equal_error(), apart.passed_at(0.0)), (1.0, 0.0, 1.0));
        let swapped = Curve::new(vec![1.0, 2.0], vec![3.0, 4.0]);
        assert_eq!((swapped.area(), swapped.equal_error(), swapped.passed_at(0.0)), (0.0, 1.0, 0.0));
        let same = Curve::new(vec![1.0; 10], vec![1.0; 10]);
        assert_eq!((same.area(), same.equal_error()), (0.5, 0.5));
        // One in four of either is on the wrong side.
        let crossed = Curve::new(vec![1.0, 3.0, 4.0, 5.0], vec![0.0, 0.5, 0.7, 3.5]);
        assert_eq!(crossed.equal_error(), 0.25);
        assert_eq!(crossed.passed_at(0.25), 1.0);
    }
}
