//! Bit for bit what the library computes, alone and beside others.

use base64::Engine;
use proptest::prelude::*;

use super::{
    schedule::{Schedule, step},
    *,
};

/// Takes computations to their end, each begun when its turn has come, as a thread does.
fn together(jobs: &[(u32, [u8; 16], Vec<u8>)], begin_after: &[u64]) -> Vec<[u8; 24]> {
    let mut hashes = vec![None; jobs.len()];
    let mut under_way: Vec<(usize, Box<Schedule>)> = Vec::new();
    let (mut next, mut steps) = (0, 0);
    while hashes.iter().any(Option::is_none) {
        while next < jobs.len() && under_way.len() < MAX_LANES {
            let (cost, salt, key) = &jobs[next];
            if !under_way.is_empty() && begin_after[next] > steps {
                break;
            }
            under_way.push((next, Schedule::new(*cost, *salt, key)));
            next += 1;
        }
        match &mut under_way[..] {
            [(_, a)] => step([&mut **a]),
            [(_, a), (_, b)] => step([&mut **a, &mut **b]),
            [(_, a), (_, b), (_, c)] => step([&mut **a, &mut **b, &mut **c]),
            [(_, a), (_, b), (_, c), (_, d)] => step([&mut **a, &mut **b, &mut **c, &mut **d]),
            _ => unreachable!("{} at once", under_way.len()),
        }
        steps += 1;
        while let Some(at) = under_way.iter().position(|(_, schedule)| schedule.left() == 0) {
            let (number, schedule) = under_way.swap_remove(at);
            hashes[number] = Some(schedule.finish());
        }
    }
    hashes.into_iter().flatten().collect()
}

fn key(password: &[u8]) -> Vec<u8> {
    let mut key = password.to_vec();
    key.push(0);
    key.truncate(72);
    key
}

#[test]
fn known_hashes_come_out() {
    // From the test suite of jBCrypt: `U*U`, `` (empty) and a long one, at cost 6.
    for (password, text) in [
        ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
        ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
        ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
        ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
    ] {
        let parts: bcrypt::HashParts = text.parse().unwrap();
        let job = (parts.get_cost(), parts.get_salt_raw(), key(password.as_bytes()));
        let hash = together(std::slice::from_ref(&job), &[0])[0];
        let made = crate::domain::passwords::worker::BASE_64.encode(&hash[..23]);
        assert_eq!(made, text[29..], "{password}");
    }
}

#[test]
fn passwords_of_every_kind_are_hashed_as_the_library_does() {
    let long = "x".repeat(71);
    let texts = ["", "a", "päßwörd 密碼", &long, "a\0b", "\u{10ffff}\u{7f}"];
    let jobs: Vec<_> = (4..=7)
        .flat_map(|cost: u8| texts.iter().map(move |text| (cost.into(), [cost; 16], key(text.as_bytes()))))
        .collect();
    let expected: Vec<_> = jobs.iter().map(|(cost, salt, key)| bcrypt::bcrypt(*cost, *salt, key)).collect();
    assert_eq!(together(&jobs, &vec![0; jobs.len()]), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(debug_assertions) { 24 } else { 200 }, ..ProptestConfig::default() })]

    #[test]
    fn whoever_joins_whom_every_hash_is_that_of_the_library(
        jobs in prop::collection::vec(
            (
                if cfg!(debug_assertions) { 4_u32..=8 } else { 4_u32..=12 },
                any::<[u8; 16]>(),
                prop::collection::vec(any::<u8>(), 0..80),
                0_u64..200,
            ),
            1..6,
        )
    ) {
        let begin: Vec<u64> = jobs.iter().map(|(.., begin)| *begin).collect();
        let jobs: Vec<_> = jobs.into_iter().map(|(cost, salt, bytes, _)| (cost, salt, key(&bytes))).collect();
        let expected: Vec<_> =
            jobs.iter().map(|(cost, salt, key)| bcrypt::bcrypt(*cost, *salt, key)).collect();
        prop_assert_eq!(together(&jobs, &begin), expected);
    }
}
