//! `codes`: what every note, finding and exit status means, and what to do.

use crate::support::District;

#[test]
fn a_code_is_explained_with_its_cause_and_its_cure() {
    let district = District::new();
    let said = district.cli(&["codes", "dangling-org"]).ok();
    assert_eq!(
        said.stdout,
        "dangling-org (finding)\n\
         Meaning: A user is at an org that `orgs.csv` does not have. The org is known by its id, and the schools in \
         the store stay too.\n\
         Cause:   `orgs.csv` does not have all orgs, or the id is wrong.\n\
         Cure:    Export all orgs, or correct the id in the SIS.\n"
    );
    // Two words have one number, and one code is a note and a refusal. No configuration is needed.
    let three = district.cli(&["codes", "3"]).ok().stdout;
    assert!(
        three.contains("partial (exit-status 3)\n") && three.contains("attention (exit-status 3)\n"),
        "{three}"
    );
    let both = district.cli(&["codes", "archived", "--format", "json"]).ok().json();
    assert_eq!((&both[0]["kind"], &both[1]["kind"]), (&"note".into(), &"refusal".into()), "{both}");
    assert_eq!(district.cli(&["codes", "143", "--format", "json"]).ok().json()[0]["exit"][2], 143);
    district.cli(&["codes", "danglin-org"]).exits(2).complains(&[
        "there is no code `danglin-org`",
        "did you mean `dangling-org`? `rostersync codes` lists all codes",
    ]);
}

#[test]
fn all_codes_are_listed_by_kind() {
    let district = District::new();
    let all = district.cli(&["codes"]).ok().stdout;
    for title in ["Notes of the report ", "\nFindings ", "\nRefusals ", "\nExit statuses "] {
        assert!(all.contains(title), "{title}: {all}");
    }
    let json = district.cli(&["codes", "--format", "json"]).ok().json();
    let codes = json.as_array().unwrap();
    assert!(codes.len() > 200, "{}", codes.len());
    for entry in codes {
        let code = entry["code"].as_str().unwrap();
        assert!(all.contains(&format!("\n{code} ")), "{code} is not in the table");
        for part in ["meaning", "cause", "cure"] {
            assert!(entry[part].as_str().unwrap().len() > 6, "{code} has no {part}");
        }
    }
}
