//! A OneRoster server, and a district that asks it.

use serde_json::{Value, json};

use crate::fake::{Fake, Reply, Request};
use crate::support::{District, Person, person};

/// What the server has, and how it answers.
#[derive(Clone)]
pub(crate) struct Sis {
    pub(crate) people: Vec<Person>,
    /// 1.2's `roles` instead of 1.1's `role` and `orgs`.
    pub(crate) roles: bool,
    /// No page has more, whatever is asked.
    pub(crate) ceiling: usize,
    /// Whether `X-Total-Count` is said.
    pub(crate) totals: bool,
}

impl Sis {
    pub(crate) fn new(people: &[Person]) -> Self {
        Self { people: people.to_vec(), roles: false, ceiling: 10_000, totals: true }
    }

    pub(crate) fn user(&self, person: &Person) -> Value {
        let cell = |column: &str| person.cells.get(column).cloned().unwrap_or_default();
        let or = |column: &str, usual: &str| {
            Some(cell(column)).filter(|cell| !cell.is_empty()).unwrap_or(usual.into())
        };
        let references = |column: &str| -> Vec<Value> {
            let ids = cell(column);
            let ids = ids.split(',').filter(|id| !id.is_empty());
            ids.map(|id| json!({ "href": format!("orgs/{id}"), "sourcedId": id, "type": "user" })).collect()
        };
        let mut user = json!({
            "sourcedId": cell("sourcedId"), "status": or("status", "active"),
            "dateLastModified": or("dateLastModified", "2026-11-01T00:00:00.000Z"),
            "enabledUser": cell("enabledUser"), "username": cell("username"), "givenName": cell("givenName"),
            "familyName": cell("familyName"), "identifier": cell("identifier"), "email": cell("email"), "sms": cell("sms"),
            "phone": cell("phone"), "agents": references("agentSourcedIds"), "password": "hunter2", "metadata": { "x": [1] },
        });
        for name in ["preferredFirstName", "preferredLastName", "preferredGivenName"] {
            if let Some(cell) = person.cells.get(name) {
                user[name] = cell.clone().into();
            }
        }
        if !cell("userIds").is_empty() {
            let ids = cell("userIds");
            let entry = |entry: &str| {
                let (kind, id) = entry.trim_matches(['{', '}']).split_once(':').unwrap();
                json!({ "type": kind, "identifier": id })
            };
            user["userIds"] = ids.split(',').map(entry).collect();
        }
        if person.cells.contains_key("metadata.ic.legacysourceId") {
            user["metadata"]["ic"] = json!({ "legacysourceId": cell("metadata.ic.legacysourceId") });
        }
        if self.roles {
            let orgs = references("orgSourcedIds");
            // A user without a school has a role all the same.
            let orgs = if orgs.is_empty() { vec![Value::Null] } else { orgs };
            user["roles"] = orgs
                .into_iter()
                .map(|org| json!({ "roleType": "primary", "role": cell("role"), "org": org, "beginDate": null }))
                .collect();
        } else {
            user["role"] = cell("role").into();
            user["orgs"] = references("orgSourcedIds").into();
        }
        user
    }

    /// With a filter the users that changed since, deleted ones included; without one the users
    /// that are there.
    fn wanted(&self, request: &Request) -> impl Iterator<Item = &Person> {
        let since = request.parameter("filter");
        let since = since.map(|filter| filter.split('\'').nth(1).unwrap().to_owned());
        self.people.iter().filter(move |person| match &since {
            Some(since) => person.cells["dateLastModified"] > *since,
            None => person.cells.get("status").is_none_or(|status| status != "tobedeleted"),
        })
    }

    pub(crate) fn page(&self, request: &Request) -> Reply {
        let (limit, offset) = (request.number("limit").unwrap(), request.number("offset").unwrap());
        let (key, all): (&str, Vec<Value>) = match request.path.rsplit('/').next().unwrap() {
            "users" => ("users", self.wanted(request).map(|person| self.user(person)).collect()),
            "orgs" => (
                "orgs",
                vec![json!({ "sourcedId": "sch-1", "name": "Lincoln Elementary", "type": "school" })],
            ),
            _ => return Reply::status(404),
        };
        let total = all.len();
        let page: Vec<Value> = all.into_iter().skip(offset).take(limit.min(self.ceiling)).collect();
        let reply = Reply::json(json!({ key: page }));
        // Real servers name hosts of their own network here.
        let reply = reply.with("Link", "<http://10.0.0.1/ims/oneroster/v1p1/users?offset=0>; rel=\"next\",");
        if self.totals { reply.with("X-Total-Count", total) } else { reply }
    }
}

/// A page of users without some fields.
pub(crate) fn without(reply: Reply, fields: &[&str]) -> Reply {
    let Reply::Say { status, headers, body } = reply else { return reply };
    let Ok(mut body) = serde_json::from_str::<Value>(&body) else { unreachable!() };
    for user in body["users"].as_array_mut().into_iter().flatten() {
        fields.iter().for_each(|field| drop(user.as_object_mut().unwrap().remove(*field)));
    }
    Reply::Say { status, headers, body: body.to_string() }
}

pub(crate) fn people(count: usize) -> Vec<Person> {
    (0..count)
        .map(|at| {
            person(&format!("{}-{at:03}", ["stu", "gua", "tea"][at % 3]))
                .mobile(&format!("(718) 555-{:04}", 100 + at))
        })
        .collect()
}

/// A district that asks this server, with a token.
pub(crate) fn district(fake: &Fake) -> District {
    at_address(District::new(), &fake.url("/ims/oneroster/v1p1"))
}

/// The same with a server at any address.
pub(crate) fn at_address(district: District, url: &str) -> District {
    let district = district.without_limits();
    district.file("token", "let-me-in\n");
    let mut district = district
        .with("source.type", "\"oneroster-api\"")
        .with("source.url", &format!("{url:?}"))
        .with("source.auth.type", "\"bearer\"")
        .with("source.auth.token_file", "\"token\"")
        .with("source.http.retry_wait", "\"1ms\"")
        .with("source.http.retries", "3")
        .with("source.page_size", "10");
    district.unset("source.path");
    district
}

pub(crate) fn served(sis: Sis) -> Fake {
    Fake::start(move |request| sis.page(request))
}

/// People with something odd about some of them.
pub(crate) fn oddities() -> Vec<Person> {
    let mut people = people(25);
    people.push(person("gua-900").email("").mobile(""));
    people.push(person("stu-901").agents("gua-001,gua-004").enabled("false").identifier("0042"));
    people.push(person("tea-902").email("not an address").home("555-0100"));
    people.push(person("adm-903").schools("sch-1,sch-9"));
    people
}
