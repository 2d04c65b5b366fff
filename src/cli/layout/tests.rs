//! Tables, labels and sentences at several widths.

use super::*;

fn lines(bytes: &[u8]) -> Vec<&str> {
    std::str::from_utf8(bytes).unwrap().lines().collect()
}

fn people(screen: Screen) -> Vec<u8> {
    let columns = [
        "id".into(),
        Column::new("state"),
        Column::new("action").word(),
        Column::new("name"),
        Column::new("email"),
        Column::new("notes").prose(),
    ];
    let mut table = Table::new(columns, screen).folded(&["id", "name", "email"]);
    table.add(&[
        "1042",
        "active",
        "kept",
        "Rosa Díaz",
        "rosa@mail.example\u{1e}(SIS: rdiaz@work.example)",
        "Active user has a new email in the SIS import - rdiaz@work.example",
    ]);
    table.add(&["77", "pending", "created", "山田 太郎", "", ""]);
    table.finish()
}

#[test]
fn a_pipe_gets_whole_rows_whatever_the_width() {
    let text = people(Screen::default());
    assert_eq!(
        lines(&text),
        [
            "id    state    action   name       email                                        notes",
            "1042  active   kept     Rosa Díaz  rosa@mail.example (SIS: rdiaz@work.example)  Active user has a new email in the SIS import - rdiaz@work.example",
            "77    pending  created  山田 太郎",
        ]
    );
}

#[test]
fn a_row_that_does_not_fit_is_folded() {
    insta::assert_snapshot!(String::from_utf8(people(Screen::new(Some(60), false))).unwrap(), @r"
    id    name       email                      state    action
        notes
    1042  Rosa Díaz  rosa@mail.example          active   kept
                     (SIS: rdiaz@work.example)
        Active user has a new email in the SIS import -
        rdiaz@work.example
    77    山田 太郎                             pending  created
    ");
}

#[test]
fn no_line_is_wider_than_the_terminal_and_nothing_is_lost() {
    for width in 20..200 {
        let text = people(Screen::new(Some(width), false));
        for line in lines(&text) {
            assert!(line.width() <= width, "{width}: {line}");
            assert_eq!(line, line.trim_end());
        }
        let whole: String = lines(&text).concat().split_whitespace().collect();
        for part in ["1042", "山田", "created"] {
            assert!(whole.contains(part), "{width}: {whole}");
        }
    }
}

#[test]
fn colours_change_nothing_else() {
    for width in [None, Some(30), Some(60), Some(120)] {
        let colored = String::from_utf8(people(Screen::new(width, true))).unwrap();
        assert!(colored.contains("\u{1b}[32mcreated\u{1b}[0m"), "{colored}");
        let mut plain = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        assert_eq!(plain + rest, String::from_utf8(people(Screen::new(width, false))).unwrap());
    }
}

#[test]
fn one_long_cell_is_wrapped_and_widens_no_column() {
    let mut table = Table::new(["id", "email", "state"], Screen::new(Some(40), false));
    for n in 0..30 {
        table.add(&[&n.to_string(), "a@mail.example", "active"]);
    }
    table.add(&["30", "an.address.that.is.far.too.long@mail.example", "active"]);
    let text = table.finish();
    let text = lines(&text);
    assert_eq!(text[1], "0   a@mail.example                active");
    assert_eq!(text[31..], ["30  an.address.that.is.far.too.   active", "    long@mail.example"]);
}

#[test]
fn labels_and_sentences() {
    let screen = Screen::new(Some(40), false);
    let text = "OFF: an active user and staff change them; see `rostersync users show tea-1`";
    let labelled = screen.labelled(&[("Setting", text.to_owned()), ("", "more".to_owned())], 10);
    assert_eq!(
        lines(&labelled),
        [
            "Setting:  OFF: an active user and staff",
            "          change them; see",
            "          `rostersync users show tea-1`",
            "          more"
        ]
    );
    let said = screen.paragraphs("  1 account is held: `rostersync report --where codes=possible-rekey`, and so on\n\nrostersync -c a.toml run --approve 0123456789abcdef\n");
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "  1 account is held:",
            "    `rostersync report --where codes=possible-rekey`,",
            "    and so on",
            "",
            "rostersync -c a.toml run --approve 0123456789abcdef"
        ]
    );
    assert!(Screen::new(None, false).paragraphs(text) == text);
}

#[test]
fn wrapping() {
    let wrap = |text, width| super::wrap(text, width, Commands::Broken);
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("", 7), [""; 0]);
    assert_eq!(wrap("  spaced   out ", 20), ["spaced out"]);
    assert_eq!(wrap("an abcdefghij k", 4), ["an", "abcd", "efgh", "ij k"]);
    assert_eq!(wrap("abcd efgh", 4), ["abcd", "efgh"]);
    assert_eq!(wrap("山田 太郎", 1), ["山", "田", "太", "郎"]);
    assert_eq!(wrap("rosa.diaz@mail.example", 12), ["rosa.diaz@", "mail.example"]);
    assert_eq!(wrap("Zoe\u{308}yx", 4), ["Zoe\u{308}y", "x"]);
}
