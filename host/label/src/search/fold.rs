//! Letters as they are compared: without case, accents and ligatures, cut into words.

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A word, and for each of its letters the bytes of the text that it stands for.
pub(super) struct Word {
    pub(super) letters: String,
    sources: Vec<Range<usize>>,
}

impl Word {
    /// The bytes of the text that some of the word's letters stand for, at character boundaries.
    pub(super) fn span(&self, letters: Range<usize>) -> Range<usize> {
        if letters.is_empty() {
            return self.sources[0].start..self.sources[0].start;
        }
        self.sources[letters.start].start..self.sources[letters.end - 1].end
    }

    pub(super) fn n_letters(&self) -> usize {
        self.sources.len()
    }

    /// Where the word begins in the text, in bytes.
    pub(super) fn start(&self) -> usize {
        self.sources[0].start
    }
}

/// Cuts a text into folded words: what lies between signs and spaces, of any script.
///
/// Chinese, Japanese and Thai come out as one long word each, which is found by any part of it.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_open = false;
    fold(text, |piece, source| match piece {
        Piece::Letter(letter) if is_of_word(letter) => {
            if !is_open {
                words.push(Word { letters: String::new(), sources: Vec::new() });
            }
            is_open = true;
            let word = words.last_mut().expect("one was pushed when the word opened");
            word.letters.push(letter);
            word.sources.push(source);
        }
        Piece::Letter(_) => is_open = false,
        // An accent of its own goes with its letter, so that no emphasis ends between them.
        Piece::Dropped if is_open => {
            let word = words.last_mut().expect("an open word is the last one");
            let letter = word.sources.last_mut().expect("an open word has a letter");
            letter.end = letter.end.max(source.end);
        }
        Piece::Dropped => {}
    });
    words
}

/// A whole text folded, signs and spaces included: `C++` and `c++` are the same, `C#` is not.
pub(super) fn text(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    fold(text, |piece, _| {
        if let Piece::Letter(letter) = piece {
            folded.push(letter);
        }
    });
    folded
}

enum Piece {
    Letter(char),
    /// An accent, or a character that nobody sees.
    Dropped,
}

/// Gives each folded character with the bytes it came from.
fn fold(text: &str, mut each: impl FnMut(Piece, Range<usize>)) {
    for (start, character) in text.char_indices() {
        let source = start..start + character.len_utf8();
        decompose_compatible(character, |part| {
            for lower in part.to_lowercase() {
                if is_dropped(lower) {
                    each(Piece::Dropped, source.clone());
                } else if let Some(plain) = plain(lower) {
                    for letter in plain.chars() {
                        each(Piece::Letter(letter), source.clone());
                    }
                } else {
                    each(Piece::Letter(lower), source.clone());
                }
            }
        });
    }
}

/// Letters that Unicode does not take apart, though people type them on keyboards that lack them.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ŧ' => "t",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// Accents of the scripts in which one may leave them out, and what has no width.
///
/// The vowel signs of Indian scripts and the sound marks of kana are letters in all but name, and stay.
fn is_dropped(character: char) -> bool {
    matches!(
        u32::from(character),
        0x00AD
            | 0x0300..=0x036F
            | 0x0591..=0x05BD
            | 0x05BF
            | 0x05C1..=0x05C2
            | 0x05C4..=0x05C5
            | 0x05C7
            | 0x064B..=0x065F
            | 0x0670
            | 0x1AB0..=0x1AFF
            | 0x1DC0..=0x1DFF
            | 0x200B..=0x200F
            | 0x2060
            | 0x20D0..=0x20FF
            | 0xFE00..=0xFE0F
            | 0xFE20..=0xFE2F
            | 0xFEFF
    )
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || is_combining_mark(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<String> = words(text).into_iter().map(|word| word.letters).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn case_accents_and_ligatures_go() {
        check("Äpfel ÉTÉ", &["apfel", "ete"]);
        check("Straße STRASSE", &["strasse", "strasse"]);
        check("Øresund Œuvre Łódź Þing", &["oresund", "oeuvre", "lodz", "thing"]);
        check("e\u{301}te\u{301}", &["ete"]);
        check("İstanbul ısı", &["istanbul", "isi"]);
        check("Σίσυφος", &["σισυφοσ"]);
    }

    #[test]
    fn signs_and_spaces_separate() {
        check("money-fx/natural_gas", &["money", "fx", "natural", "gas"]);
        check(" + ", &[]);
        check("R&D (2024)", &["r", "d", "2024"]);
        check("", &[]);
    }

    #[test]
    fn marks_that_are_letters_stay() {
        check("हिन्दी", &["हिन्दी"]);
        check("ガス", &["カ\u{3099}ス"]);
        check("か\u{3099}", &["か\u{3099}"]);
    }

    #[test]
    fn a_span_is_of_the_text_as_it_was_written() {
        let check = |text: &str, letters: Range<usize>, expected: &str| {
            let word = &words(text)[0];
            assert_eq!(&text[word.span(letters)], expected, "{text:?}");
        };
        check("Straße", 0..5, "Straß");
        check("Straße", 4..6, "ß");
        check("Straße", 6..7, "e");
        check("e\u{301}te\u{301}", 0..1, "e\u{301}");
        check("\u{FB01}sh", 0..1, "\u{FB01}");
        check("x", 0..0, "");
    }

    #[test]
    fn a_folded_text_keeps_its_signs() {
        assert_eq!(text("C++ É"), "c++ e");
        assert_eq!(text("C\u{200B}#"), "c#");
    }
}
