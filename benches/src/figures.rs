//! What is made of many samples.

/// The middle value, or the mean of the two in the middle; NaN when there is none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let middle = if values.len() % 2 == 1 {
        values.get(upper..=upper)
    } else {
        upper
            .checked_sub(1)
            .and_then(|lower| values.get(lower..=upper))
    };
    let middle = middle.unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "one or two")]
    let count = middle.len() as f64;
    middle.iter().sum::<f64>() / count
}

/// The value that `part` of all values do not exceed (nearest rank); `None` when there are none.
#[must_use]
pub fn quantile<T: Ord + Copy>(values: &mut [T], part: f64) -> Option<T> {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 values")]
    let rank = (part * values.len() as f64).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of values"
    )]
    let rank = (rank as usize).clamp(1, values.len().max(1));
    values.sort_unstable();
    values.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(vec![9.0, 1.0, 5.0, 6.0]), 5.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_quantile_is_the_first_value_that_so_many_do_not_exceed() {
        let mut values: Vec<u32> = (1..=1000).rev().collect();

        assert_eq!(quantile(&mut values, 0.5), Some(500));
        assert_eq!(quantile(&mut values, 0.999), Some(999));
        assert_eq!(quantile(&mut values, 1.0), Some(1000));
        assert_eq!(quantile(&mut [7], 0.0), Some(7));
        assert_eq!(quantile::<u32>(&mut [], 0.5), None);
    }
}
