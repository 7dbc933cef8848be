//! Which known word was probably meant by a misspelt one.
//!
//! Pure. Not here: the sentence that suggests it.

/// Longer words are not compared: the time is quadratic.
const LONGEST: usize = 100;

/// The candidate nearest to `word`, if one is near: a third of its letters changed at the most, or
/// one contains the other. Case does not count, and `-` is `_`.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    if word.len() > LONGEST {
        return None;
    }
    let candidates: Vec<(&'a str, String)> = candidates
        .map(|candidate| (candidate, candidate.to_lowercase().replace('-', "_")))
        .collect();
    let allowed = (word.len() / 3).max(1);
    let near = candidates
        .iter()
        .map(|(candidate, plain)| (strsim::damerau_levenshtein(&word, plain), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, near)| *distance <= allowed && near.len() > *distance)
        .map(|(_, near)| *near);
    near.or_else(|| {
        let part = |plain: &str| {
            word.len() >= 4 && plain.contains(&word) || plain.len() >= 4 && word.contains(plain)
        };
        let found = candidates.iter().find(|(_, plain)| part(plain));
        found.map(|(candidate, _)| *candidate)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_words_find_their_neighbour() {
        let names = ["endpoints", "connect_rate", "qos", "arrival_rate"];
        let near = |word| nearest(word, names.iter().copied());
        assert_eq!(near("endpionts"), Some("endpoints"));
        assert_eq!(near("connect-rate"), Some("connect_rate"));
        assert_eq!(near("qso"), Some("qos"));
        assert_eq!(near("arrival"), Some("arrival_rate"));
        assert_eq!(near("Arrival-Rate"), Some("arrival_rate"));
        assert_eq!(near("colour"), None);
        assert_eq!(near(&"endpoints".repeat(12)), None);
        assert_eq!(nearest("a", std::iter::empty()), None);
    }
}
