//! What each field of a line may take when they do not all fit: fair shares.

/// The most that any field may take, when those of `lens` are to fit into `room`: who needs less
/// than an equal part leaves the rest to the others. `None` when all fit as they are. It sorts
/// `lens`.
pub(super) fn fair_part(lens: &mut [usize], room: usize) -> Option<usize> {
    if lens.iter().sum::<usize>() <= room {
        return None;
    }
    lens.sort_unstable();
    let mut left = room;
    let mut part = 0;
    for (sharers, len) in (1..=lens.len()).rev().zip(&*lens) {
        part = left / sharers;
        if *len > part {
            break;
        }
        left -= len;
    }
    Some(part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_needs_little_leaves_the_rest_to_the_others() {
        assert_eq!(fair_part(&mut [1, 2, 3], 6), None);
        assert_eq!(fair_part(&mut [9, 1, 9], 7), Some(3));
        assert_eq!(fair_part(&mut [9], 7), Some(7));
        assert_eq!(fair_part(&mut [], 0), None);
    }

    proptest! {
        #[test]
        fn the_room_is_used_up_and_never_exceeded(
            lens in proptest::collection::vec(0_usize..1000, 0..10),
            room in 0_usize..5000,
        ) {
            let taken = |part| lens.iter().map(|len| (*len).min(part)).sum::<usize>();
            match fair_part(&mut lens.clone(), room) {
                None => prop_assert!(taken(usize::MAX) <= room),
                Some(part) => {
                    prop_assert!(taken(part) <= room);
                    prop_assert!(taken(part + 1) > room);
                }
            }
        }
    }
}
