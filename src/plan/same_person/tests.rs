use super::candidates::Candidates;
use super::*;

/// One bit of what two have in common at a time, as the paper's table has it.
#[test]
fn each_row_of_the_table() {
    use Evidence as E;
    use Strength::{Certain, Listed, Probable};
    for (common, expected) in [
        (EARLIER_ID, Some((Certain, E::EarlierId))),
        (ONE_IDENTIFIER | IDENTIFIER | NAME, Some((Certain, E::Identifier))),
        (ONE_IDENTIFIER | IDENTIFIER | EMAIL, Some((Certain, E::Identifier))),
        (ONE_IDENTIFIER | IDENTIFIER | MOBILE, Some((Certain, E::Identifier))),
        (ONE_IDENTIFIER | IDENTIFIER | USERNAME, Some((Certain, E::Identifier))),
        (ONE_IDENTIFIER | IDENTIFIER, Some((Probable, E::Identifier))),
        (IDENTIFIER | NAME, None),
        (ONE_USER_ID | NAME, Some((Certain, E::UserId))),
        (ONE_USER_ID | USERNAME, Some((Certain, E::UserId))),
        (ONE_USER_ID, None),
        (PATTERN | NAME, Some((Certain, E::Pattern))),
        (PATTERN | IDENTIFIER, Some((Certain, E::Pattern))),
        (PATTERN | USERNAME, Some((Certain, E::Pattern))),
        (PATTERN | ONE_EMAIL | EMAIL, Some((Certain, E::Pattern))),
        (PATTERN | ONE_MOBILE | MOBILE, Some((Certain, E::Pattern))),
        // The email of a family.
        (PATTERN | EMAIL, None),
        (PATTERN, None),
        (ONE_USERNAME | USERNAME | NAME, Some((Certain, E::Username))),
        (ONE_USERNAME | USERNAME, Some((Listed, E::UsernameAlone))),
        (USERNAME | NAME, None),
        (ONE_EMAIL | EMAIL | NAME, Some((Probable, E::Email))),
        (EMAIL | NAME, Some((Listed, E::Email))),
        (ONE_EMAIL | EMAIL, None),
        (ONE_MOBILE | MOBILE | NAME, Some((Probable, E::Mobile))),
        (MOBILE | NAME, Some((Listed, E::Mobile))),
        (ONE_MOBILE | MOBILE, None),
        (CHILD | NAME, Some((Probable, E::Child))),
        (CHILD, None),
        (ONE_NAME | NAME, Some((Listed, E::NameAlone))),
        (NAME, None),
        (0, None),
    ] {
        assert_eq!(weigh(common), expected, "{common:b}");
    }
}

#[test]
fn the_words_of_the_store_are_read_back() {
    for evidence in Evidence::ALL {
        assert_eq!(Evidence::of_words(evidence.words()), evidence);
    }
}

#[test]
fn a_name_alone_or_a_user_name_alone_may_be_of_another_person() {
    let weak: Vec<Evidence> = Evidence::ALL.into_iter().filter(|one| one.is_weak()).collect();
    assert_eq!(weak, [Evidence::UsernameAlone, Evidence::NameAlone]);
}

/// A person with a name, an identifier, a user name, an email and a mobile; 0 is none.
fn facts(person: u32, kinds: u8, values: [u64; 5]) -> Facts {
    let marks = values.map(|value| if value == 0 { NO_MARK } else { mark(value) });
    Facts { person, kinds, marks, ..Facts::default() }
}

/// `old new evidence strength` of each match.
fn found(candidates: &mut Candidates<'_>) -> Vec<String> {
    candidates.join_values();
    candidates.settle();
    let said = |one: &Match| {
        let strength = if one.certain { "certain" } else { "probable" };
        let second = if one.is_second { ", second" } else { "" };
        format!("{} {} {} {strength}{second}", one.old, one.new, one.evidence.words())
    };
    candidates.matches().iter().map(said).collect()
}

fn matches(olds: &[Facts], news: &[Facts]) -> Vec<String> {
    found(&mut Candidates::new(olds, news))
}

#[test]
fn only_people_of_one_kind_are_compared() {
    let values = [1, 2, 3, 4, 5];
    let same = ["0 0 same identifier certain"];
    assert_eq!(matches(&[facts(0, STUDENT, values)], &[facts(9, STUDENT, values)]), same);
    assert_eq!(matches(&[facts(0, STAFF, values)], &[facts(9, STAFF | GUARDIAN, values)]), same);
    assert!(matches(&[facts(0, STUDENT, values)], &[facts(9, STAFF, values)]).is_empty());
    // Students and staff may have numbers of their own each.
    let both = [facts(0, STUDENT, [1, 7, 0, 0, 0]), facts(1, STAFF, [2, 7, 0, 0, 0])];
    assert_eq!(matches(&both, &both), ["0 0 same identifier certain", "1 1 same identifier certain"]);
}

#[test]
fn twins_namesakes_and_successors_are_no_pairs() {
    // Twins share email and mobile, and nothing else.
    let twins = [facts(0, STUDENT, [1, 0, 0, 4, 5]), facts(1, STUDENT, [2, 0, 0, 4, 5])];
    let back = [facts(8, STUDENT, [1, 0, 0, 4, 5]), facts(9, STUDENT, [2, 0, 0, 4, 5])];
    assert!(matches(&twins, &back).is_empty());
    // One of them leaves, and the other comes.
    assert!(matches(&twins[..1], &back[1..]).is_empty());
    // Father and son have one name and one email.
    let old = [facts(0, GUARDIAN, [1, 0, 0, 4, 0]), facts(1, GUARDIAN, [1, 0, 0, 4, 0])];
    assert!(matches(&old, &old).is_empty());
    assert!(matches(&old, &old[1..]).is_empty());
    // A new teacher has the user name of a former one.
    let (former, new) = (facts(0, STAFF, [1, 0, 3, 0, 0]), facts(9, STAFF, [2, 0, 3, 0, 0]));
    assert!(matches(&[former], &[new]).is_empty());
}

#[test]
fn what_fits_two_people_is_no_pair() {
    let old = facts(0, STUDENT, [1, 2, 0, 0, 0]);
    // The record of the identifier, and one of the name and the user name.
    let by_identifier = facts(8, STUDENT, [1, 2, 0, 0, 0]);
    let olds = [Facts { marks: facts(0, 0, [1, 2, 3, 0, 0]).marks, ..old }];
    let news = [by_identifier, facts(9, STUDENT, [1, 0, 3, 0, 0])];
    assert!(matches(&olds, &news).is_empty());
    // A stronger one decides.
    let olds = [facts(0, STUDENT, [1, 2, 0, 4, 0])];
    let news = [facts(8, STUDENT, [1, 2, 0, 0, 0]), facts(9, STUDENT, [1, 0, 0, 4, 0])];
    assert_eq!(matches(&olds, &news), ["0 0 same identifier certain"]);
}

#[test]
fn other_people_of_the_district_count() {
    let (olds, news) = ([facts(0, STAFF, [1, 2, 0, 4, 0])], [facts(9, STAFF, [1, 2, 0, 4, 0])]);
    let mut candidates = Candidates::new(&olds, &news);
    assert_eq!(found(&mut candidates), ["0 0 same identifier certain"]);
    // A teacher who is there has the same identifier.
    let other = facts(1, STAFF, [7, 2, 0, 0, 0]);
    candidates
        .hold_against(
            |wanted, each| {
                assert_eq!(wanted, [true, true, false, true, false]);
                assert!(each(&other, &[]), "the name and the email are still of one person");
                Ok::<_, ()>(())
            },
            &[],
        )
        .unwrap();
    assert_eq!(candidates.matches().len(), 1);
    assert_eq!(candidates.matches()[0].evidence, Evidence::Email);
    // As soon as others have all of it, no other person needs to be read.
    let twin = facts(2, STAFF, [1, 2, 0, 4, 0]);
    let mut wants_more = true;
    let others = |_, each: &mut dyn FnMut(&Facts, &[u64]) -> bool| {
        wants_more = each(&twin, &[]);
        Ok::<_, ()>(())
    };
    candidates.hold_against(others, &[]).unwrap();
    assert!(!wants_more);
    assert_eq!(candidates.matches().len(), 0);
}

#[test]
fn two_records_that_become_one() {
    let (staff, parent) = (facts(0, STAFF, [1, 2, 0, 0, 0]), facts(1, GUARDIAN, [1, 2, 0, 0, 0]));
    let both = [facts(9, STAFF | GUARDIAN, [1, 2, 0, 0, 0])];
    let [first, second] = ["same identifier certain", "same identifier certain, second"];
    assert_eq!(matches(&[staff, parent], &both), [format!("0 0 {first}"), format!("1 0 {second}")]);
    let active = Facts { active: true, ..parent };
    assert_eq!(matches(&[staff, active], &both), [format!("0 0 {second}"), format!("1 0 {first}")]);
    let staff_too = Facts { active: true, ..staff };
    assert_eq!(matches(&[staff_too, active], &both), [format!("0 0 {first}"), format!("1 0 {second}")]);
    // Two of one kind are two people.
    let other = facts(1, STAFF, [1, 2, 0, 0, 0]);
    assert!(matches(&[staff, other], &both).is_empty());
}

#[test]
fn guardians_are_known_by_name_and_child() {
    let (ann, bo) = (facts(0, GUARDIAN, [1, 0, 0, 0, 0]), facts(1, GUARDIAN, [2, 0, 0, 0, 0]));
    let (olds, news) =
        ([ann, bo], [facts(8, GUARDIAN, [2, 0, 0, 0, 0]), facts(9, GUARDIAN, [1, 0, 0, 0, 0])]);
    let joined = |olds: &[Facts], news: &[Facts], a: &[(u32, u32)], b: &[(u32, u32)]| {
        let mut candidates = Candidates::new(olds, news);
        candidates.join_children(a, b);
        found(&mut candidates)
    };
    let children = [(0, 50), (0, 51), (1, 51)];
    let theirs = [(0, 51), (1, 50), (1, 51)];
    let both = ["0 1 same name and child probable", "1 0 same name and child probable"];
    assert_eq!(joined(&olds, &news, &children, &theirs), both);
    assert!(joined(&olds, &news, &children, &[(0, 60), (1, 61)]).is_empty());
    // Father and son of one name with one child.
    assert!(joined(&[ann, Facts { person: 1, ..ann }], &news, &[(0, 50), (1, 50)], &theirs).is_empty());
}

#[test]
fn what_is_like_an_account_is_listed() {
    let olds = [facts(0, STAFF, [1, 0, 3, 4, 0]), facts(1, STAFF, [1, 0, 0, 4, 0])];
    let news = [facts(8, STAFF, [1, 0, 0, 4, 0]), facts(9, STAFF, [2, 0, 3, 0, 0])];
    let mut candidates = Candidates::new(&olds, &news);
    assert!(found(&mut candidates).is_empty());
    let listed = |old, new, evidence| Likeness { old, new, evidence };
    assert_eq!(
        candidates.likenesses(&[false; 2], &[false; 2]),
        [listed(0, 0, Evidence::Email), listed(0, 1, Evidence::UsernameAlone)]
    );
    // An account that was archived before tonight is only named.
    let gone = [Facts { archived: true, named_only: true, ..facts(0, STAFF, [1, 2, 3, 4, 5]) }];
    let mut candidates = Candidates::new(&gone, &gone);
    assert!(found(&mut candidates).is_empty());
    assert_eq!(candidates.likenesses(&[false], &[false]), [listed(0, 0, Evidence::Identifier)]);
}
