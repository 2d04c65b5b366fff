//! Which language a text names: a tag (`zh-TW`), a code of ISO 639, or a name as a SIS writes it.
//! Pure.

/// The names of the languages with built-in templates, in lower case: codes, English names, own
/// names. The first word of a text decides, so that `Spanish; Castilian` is found.
const NAMES: [(&str, &str); 12] = [
    ("ar", "ara arb arabic العربية عربي"),
    ("en", "eng english inglés ingles"),
    ("es", "spa sp spanish español espanol castilian castellano"),
    ("fr", "fra fre french français francais"),
    ("ht", "hat haitian kreyòl kreyol creole ayisyen"),
    ("ko", "kor korean 한국어"),
    ("pt", "por portuguese português portugues brazilian"),
    ("ru", "rus russian русский"),
    ("tl", "tgl fil tagalog filipino pilipino"),
    ("vi", "vie vietnamese tiếng việt viet"),
    ("zh-Hans", "zh zho chi cmn chinese mandarin putonghua simplified 中文 汉语 简体中文 普通话"),
    ("zh-Hant", "yue cantonese taiwanese traditional 粵語 繁體中文 正體中文 廣東話"),
];

/// Words after the first one that mean Chinese in traditional characters.
const TRADITIONAL: &str = "hant tw hk mo traditional trad cantonese yue taiwan taiwanese hong 繁體 繁体";

/// Languages that are written from right to left.
const RIGHT_TO_LEFT: &str =
    "ar ara arb fa fas per farsi persian dari prs he heb hebrew ur urd urdu ps pus pashto ckb sorani";

/// `es` for `es-MX`, `ES`, `spa`, `Spanish`, `01 Spanish` and `Spanish; Castilian`; `zh-Hant` for
/// `zh-TW`. A language without built-in templates is the first word, in lower case.
pub(super) fn tag(text: &str) -> String {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let Some(first) = words.first() else { return String::new() };
    // `French Creole` and `Haitian; French Creole` are no French; `Cape Verdean Creole` is neither.
    if words.iter().any(|word| word.starts_with("creole")) {
        let is_haitian = words.len() == 1 || words.iter().any(|word| ["haitian", "french"].contains(word));
        return if is_haitian { "ht" } else { "creole" }.to_owned();
    }
    let known = NAMES.iter().find(|(tag, names)| tag == first || has(names, first));
    match known.map(|(tag, _)| *tag) {
        Some("zh-Hans") if words[1..].iter().any(|word| has(TRADITIONAL, word)) => "zh-Hant".to_owned(),
        Some(tag) => tag.to_owned(),
        None => (*first).to_owned(),
    }
}

pub(super) fn is_right_to_left(tag: &str) -> bool {
    has(RIGHT_TO_LEFT, tag)
}

/// Whether a text in the language cannot be read without the accents that GSM-7 lacks.
pub(super) fn needs_accents(tag: &str) -> bool {
    tag == "vi"
}

fn has(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_known_by_its_many_names() {
        for (expected, texts) in [
            (
                "es",
                "es|ES|es-MX|spa|Spanish|Español| es_US |Spanish; Castilian|01 Spanish|spanish (latin america)",
            ),
            (
                "zh-Hans",
                "zh|zh-CN|zh_SG|zh-Hans|zh-Hans-CN|zho|chi|Chinese|Mandarin|Mandarin (Putonghua)|Chinese - Simplified|Chinese (Mandarin)|中文",
            ),
            (
                "zh-Hant",
                "zh-TW|zh_HK|zh-MO|zh-Hant|zh-Hant-HK|Cantonese|Chinese (Traditional)|Chinese, Cantonese|yue|03 Cantonese|繁體中文|Chinese; Hong Kong",
            ),
            ("pt", "pt|pt-BR|pt-PT|por|Portuguese|Brazilian Portuguese"),
            ("tl", "tl|fil|fil-PH|tgl|Tagalog|Filipino|Filipino (Pilipino or Tagalog)"),
            ("ht", "ht|hat|Haitian|Haitian Creole|Haitian; Haitian Creole|Creole|French Creole|Kreyòl"),
            ("vi", "vi|vi-VN|vie|Vietnamese|Tiếng Việt"),
            ("ar", "ar|ar-EG|ara|Arabic"),
            ("fr", "fr|fr-CA|fra|fre|French"),
            ("ru", "ru|rus|Russian"),
            ("ko", "ko|ko-KR|kor|Korean"),
            ("en", "en|en-US|English|eng"),
            ("hmn", "hmn|HMN"),
            ("creole", "Cape Verdean Creole|Portuguese Creole"),
            ("", "|01|-"),
        ] {
            for text in texts.split('|') {
                assert_eq!(tag(text), expected, "{text}");
            }
        }
        assert!(NAMES.iter().all(|(name, _)| tag(name) == *name));
        assert!(is_right_to_left("ar") && is_right_to_left("ur") && !is_right_to_left("es"));
    }
}
