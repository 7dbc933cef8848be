//! Mistakes that TOML itself refuses, and the words they are answered with.

use super::{complaint, small};

#[test]
fn a_missing_value_is_a_mistake_of_toml() {
    let text = small("endpoints = 10", "endpoints = ");
    assert_eq!(
        complaint(&text, &[]),
        r"error: profile.toml:5:13: this is not TOML: string values must be quoted, expected literal string
  |
5 | endpoints =
  |             ^
  |
  = help: write a value behind the equals sign"
    );
}

#[test]
fn a_quantity_without_quotes_is_a_mistake_of_toml() {
    let text = small("\"100/s\"", "5_000/s");
    assert_eq!(
        complaint(&text, &[]),
        r#"error: profile.toml:8:16: this is no number: 5000/s
  |
8 | arrival_rate = 5_000/s
  |                ^^^^^^^
  |
  = help: write text and quantities in quotes: "30s", "5_000/s", "256B""#
    );
}

#[test]
fn a_key_that_stands_twice_is_a_mistake_of_toml() {
    let text = small("endpoints = 10", "endpoints = 10\nendpoints = 11");
    assert_eq!(
        complaint(&text, &[]),
        r"error: profile.toml:6:1: this is not TOML: duplicate key
  |
6 | endpoints = 11
  | ^^^^^^^^^"
    );
}
