//! Page after page of a OneRoster server: all users, or none. Servers that count wrongly, repeat
//! themselves, do not keep to an order, or change under the pull.

use std::sync::Mutex;

use serde_json::json;

use crate::fake::{Fake, Reply, Request};
use crate::oneroster_api::{is_page, refused, refused_with};
use crate::sis::{Sis, district, people};
use crate::support::Person;

fn is_users(request: &Request) -> bool {
    request.path.ends_with("/users")
}

/// The page that another query would have had.
fn page_at(sis: &Sis, request: &Request, offset: usize) -> Reply {
    let limit = request.number("limit").unwrap();
    sis.page(&Request { query: format!("limit={limit}&offset={offset}"), ..request.clone() })
}

fn uncounted(sis: &Sis) -> Sis {
    Sis { totals: false, ..sis.clone() }
}

fn offsets(asked: &[Request]) -> Vec<usize> {
    asked
        .iter()
        .filter(|request| is_users(request))
        .map(|request| request.number("offset").unwrap())
        .collect()
}

#[test]
fn counts_that_do_not_add_up() {
    refused(6, &["says that there are 30 records, and gave 25"], |sis, request| match is_users(request) {
        true => uncounted(sis).page(request).with("X-Total-Count", 30),
        false => sis.page(request),
    });
    // A count of the page instead of all would otherwise pass for the end.
    refused(6, &["says that there are 10 records, and gave 25", "check_totals = false"], |sis, request| {
        match is_users(request) {
            true => uncounted(sis).page(request).with("X-Total-Count", 10),
            false => sis.page(request),
        }
    });
}

#[test]
fn no_page_is_requested_after_the_last_user() {
    let sis = Sis::new(&people(25));
    let served = sis.clone();
    let fake = Fake::start(move |request| served.page(request));
    assert_eq!(district(&fake).run().ok().report.count("created"), 25);
    assert_eq!(offsets(&fake.asked()), [0, 10, 20]);
    // One page only: its count may be of the page, so the next one is asked for; some servers
    // refuse that.
    for status in [400, 404, 416] {
        let sis = Sis::new(&people(7));
        let fake = Fake::start(move |request| match request.number("offset") {
            Some(0) => sis.page(request),
            _ => Reply::status(status),
        });
        assert_eq!(district(&fake).run().ok().report.count("created"), 7);
        assert_eq!(offsets(&fake.asked()), [0, 7]);
    }
    // In the middle of the list, or without a count, that is no end.
    refused(6, &["the server has no next page (404) after 20 records"], |sis, request| {
        match is_page(request, 20) {
            true => Reply::status(404),
            false => sis.page(request),
        }
    });
    refused(6, &["the server has no next page (404) after"], |sis, request| match request.number("offset") {
        Some(0) => uncounted(sis).page(request),
        _ => Reply::status(404),
    });
}

#[test]
fn without_a_count_pages_overlap_by_one() {
    let sis = uncounted(&Sis::new(&people(25)));
    let fake = Fake::start(move |request| sis.page(request));
    let done = district(&fake).run().ok();
    assert_eq!(done.report.count("created"), 25);
    // The last page has no user after the record that has to come first. The page that was
    // prefetched is not used.
    let mut asked = offsets(&fake.asked());
    asked.sort_unstable();
    assert_eq!(asked, [0, 9, 18, 24, 27]);
    // Not where pages are asked for at once, nor where there is no order.
    for (key, value) in [("source.parallel", "2"), ("source.sort", "false")] {
        let sis = uncounted(&Sis::new(&people(25)));
        let fake = Fake::start(move |request| sis.page(request));
        assert_eq!(district(&fake).with(key, value).run().ok().report.count("created"), 25);
        assert!(offsets(&fake.asked()).contains(&10));
    }
}

/// A user is deleted, or added, after the first page was read.
#[test]
fn a_user_that_moves_across_the_edge_of_a_page_is_noticed() {
    let moving = |change: fn(&mut Vec<Person>)| {
        let whole = Sis::new(&people(25));
        let mut changed = whole.people.clone();
        change(&mut changed);
        let (whole, changed) = (uncounted(&whole), uncounted(&Sis::new(&changed)));
        let pulls = Mutex::new(0);
        Fake::start(move |request| {
            let first = is_page(request, 0);
            *pulls.lock().unwrap() += u32::from(first);
            // It happens during the first pull; then it has happened.
            let before = first && *pulls.lock().unwrap() == 1;
            if before { whole.page(request) } else { changed.page(request) }
        })
    };
    let fake = moving(|people| drop(people.remove(3)));
    let done = district(&fake).run().ok();
    assert_eq!(done.report.count("created"), 24);
    let said = "a page did not go on where the one before it ended while users were pulled; pulling them again (1 of 2)";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    let fake = moving(|people| people.insert(3, crate::support::person("tea-999")));
    assert_eq!(district(&fake).run().ok().report.count("created"), 26);
    // At every pull.
    refused(6, &["the data keep changing while they are pulled", "keep to one order"], |sis, request| {
        let mut sis = uncounted(sis);
        if is_users(request) && !is_page(request, 0) {
            sis.people.remove(3);
        }
        sis.page(request)
    });
}

#[test]
fn a_server_that_repeats_its_last_page() {
    let repeat = |sis: &Sis, request: &Request| {
        let offset = request.number("offset").unwrap();
        page_at(sis, request, if offset >= 25 { 20 } else { offset })
    };
    // With a count of all it is known that this is the end, and where pages overlap no further page
    // is requested.
    for sis in [Sis::new(&people(25)), uncounted(&Sis::new(&people(25)))] {
        let fake = Fake::start(move |request| repeat(&sis, request));
        assert_eq!(district(&fake).run().ok().report.count("created"), 25);
    }
    // Otherwise it is not.
    let unsorted = [("source.sort", "false")];
    refused_with(&unsorted, 6, &["gives the same page again"], move |sis, request| match is_users(request) {
        true => repeat(&uncounted(sis), request),
        false => sis.page(request),
    });
    // Nor does it end where `offset` is not followed at all.
    refused(6, &["gives the same page again"], |sis, request| match is_users(request) {
        true => page_at(&uncounted(sis), request, 0),
        false => sis.page(request),
    });
    // Records without ids cannot be told apart, so they do not count as others.
    refused(6, &["gives the same page again"], |sis, request| match is_users(request) {
        true => Reply::json(json!({ "users": vec![json!({ "givenName": "Rosa" }); 10] })),
        false => sis.page(request),
    });
    refused_with(&[("source.max_pages", "2")], 6, &["more than 2 pages"], |sis, request| {
        uncounted(sis).page(request)
    });
}

#[test]
fn records_that_are_there_twice_count_once() {
    for totals in [false, true] {
        let mut all = people(25);
        all.insert(5, all[3].clone());
        let served = Sis { totals, ..Sis::new(&all) };
        let fake = Fake::start(move |request| served.page(request));
        let done = district(&fake).run().ok();
        assert_eq!(done.report.count("created"), 25);
        assert!(done.stderr.contains("1 record comes more than once"), "{}", done.stderr);
        // In other words: then it is not known which of them hold.
        all.insert(6, all[4].clone().email("other@school.example"));
        let served = Sis { totals, ..Sis::new(&all) };
        let fake = Fake::start(move |request| served.page(request));
        let done = district(&fake).run();
        assert_eq!(done.report.count("created"), 24);
        assert_eq!(done.report.count("rejected"), 2);
    }
}

/// A server without an order: each page repeats a user of the page before in place of one of its
/// own.
#[test]
fn a_pull_in_which_others_come_twice_each_time_is_not_complete() {
    for totals in [true, false] {
        let asked = Mutex::new(0);
        let words = ["the data keep changing while they are pulled", "came twice"];
        // Pages asked for at once do not overlap, so that nothing shows at their edges.
        refused_with(&[("source.parallel", "2")], 6, &words, move |sis, request| {
            let mut sis = Sis { totals, ..sis.clone() };
            if is_page(request, 10) {
                let mut asked = asked.lock().unwrap();
                *asked += 1;
                sis.people[10] = sis.people[*asked].clone();
            }
            sis.page(request)
        });
    }
    // The same ones each time: by the count, one user is missing for each user that came twice.
    refused_with(&[("source.parallel", "2")], 6, &["came twice, and others not at all"], |sis, request| {
        let mut sis = sis.clone();
        if is_page(request, 10) {
            sis.people[10] = sis.people[3].clone();
        }
        sis.page(request)
    });
}
