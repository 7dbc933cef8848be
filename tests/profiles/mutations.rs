//! Whatever is written into a profile or an override: it is read or refused, never a panic.

use midge::profile::{Colour, shipped};
use proptest::prelude::*;

use super::{SMALL, load_text, rendered};

/// A short text cut from a shipped profile and put elsewhere, or bytes of chance.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = (
        0..shipped().len(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        "\\PC{0,6}",
    );
    pieces.prop_map(|(which, from, to, at, noise)| {
        let text = shipped()[which].1;
        let place = |index: prop::sample::Index| text.floor_char_boundary(index.index(text.len()));
        let (from, to, at) = (place(from), place(to), place(at));
        let piece = &text[from.min(to)..to.max(from).min(from.min(to) + 40)];
        format!(
            "{}{noise}{piece}{}",
            &text[..at],
            &text[text.floor_char_boundary(at + noise.len())..]
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(feature = "thorough") { 20_000 } else { 150 }))]

    #[test]
    fn a_mutated_profile_is_read_or_refused(text in mutated()) {
        if let Err(errors) = load_text(&text, &[]) {
            prop_assert!(!errors.is_empty());
            for error in &errors {
                prop_assert!(error.render(Colour::Never).starts_with("error: "));
                error.render(Colour::Always);
            }
        }
    }

    #[test]
    fn arbitrary_text_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), set in "[a-z.*=_]{0,12}=\\PC{0,12}") {
        let text = String::from_utf8_lossy(&bytes);
        for result in [load_text(&text, &[]), load_text(SMALL, &[&set])] {
            if let Err(errors) = result {
                prop_assert!(rendered(&errors).starts_with("error: "));
            }
        }
    }
}
