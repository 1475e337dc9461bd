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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), 5.0);
        assert_eq!(median(vec![9.0, 1.0, 5.0, 6.0]), 5.5);
        assert!(median(Vec::new()).is_nan());
    }
}
