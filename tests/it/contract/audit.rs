//! What a store of the audit log promises.

use chrono::TimeDelta;
use vestibule::{
    domain::{
        accounts::UserChange,
        audit::{Audit, AuditActor, AuditEvent, AuditFilter, AuditKind, AuditSelector, ChainFault, Link},
        clock::Instant,
        ids::AuditEventId,
        page::{End, PageRequest},
        random::SystemRandom,
    },
    stores::Stores,
};

use super::{account, now, on_every_store};
use crate::support::TestClock;

on_every_store!(
    events_are_listed_by_whom_and_what_they_are_about,
    a_change_and_its_event_are_made_together,
    a_chain_is_whole_and_outlives_retention,
    what_is_personal_is_forgotten_and_the_chain_holds,
    many_who_seal_make_one_chain,
);

fn event(kind: AuditKind, subject: &str, at: Instant) -> AuditEvent {
    let actor = AuditActor::of_id("user_01h455vb4pex5vsknk084sn02q");
    AuditEvent::new(kind, actor, at, &SystemRandom).about(subject).because(Some("$because".into()))
}

fn page(size: usize) -> PageRequest<AuditEventId> {
    PageRequest { size, end: End::First, after: None, before: None }
}

async fn settle(stores: &Stores) {
    stores.audit.seal(now() + TimeDelta::days(1)).await.unwrap();
}

fn log(stores: &Stores) -> Audit {
    Audit::new(stores.audit.clone(), std::sync::Arc::new(TestClock::default()), TimeDelta::days(365 * 20))
}

async fn events_are_listed_by_whom_and_what_they_are_about(stores: &Stores) {
    for number in 0..6 {
        let subject = if number % 2 == 0 { "user_even" } else { "user_odd" };
        let kind = if number < 3 { AuditKind::Login } else { AuditKind::UserSuspended };
        let at = now() + TimeDelta::minutes(number);
        stores.audit.append(&event(kind, subject, at)).await.unwrap();
    }
    let count = async |filter: AuditFilter, page: PageRequest<AuditEventId>| {
        let found = stores.audit.list_events(&filter, &page).await.unwrap();
        assert!(found.is_sorted_by(|a, b| if page.end == End::First { a.id > b.id } else { a.id < b.id }));
        found.len()
    };
    let of = |of| AuditFilter { of, ..AuditFilter::default() };
    assert_eq!(count(of(AuditSelector::All), page(10)).await, 6);
    assert_eq!(count(of(AuditSelector::Subject("user_odd".into())), page(10)).await, 3);
    assert_eq!(count(of(AuditSelector::Kind(AuditKind::Login)), page(10)).await, 3);
    let every = AuditFilter::default();
    let newest = stores.audit.list_events(&every, &page(1)).await.unwrap().remove(0);
    assert_eq!(stores.audit.find_event(&newest.id).await, Ok(Some(newest)));
    assert_eq!(stores.audit.find_event(&AuditEventId::generate(now(), &SystemRandom)).await, Ok(None));
    let actor = AuditSelector::Actor("user_01h455vb4pex5vsknk084sn02q".into());
    assert_eq!(count(of(actor), page(10)).await, 6);
    assert_eq!(count(of(AuditSelector::Actor("nobody".into())), page(10)).await, 0);
    // One more than was asked for tells that there are more.
    assert_eq!(count(of(AuditSelector::All), page(2)).await, 3);
    let last = PageRequest { end: End::Last, ..page(2) };
    assert_eq!(count(of(AuditSelector::All), last).await, 3);
    let (since, until) = (Some(now() + TimeDelta::minutes(1)), Some(now() + TimeDelta::minutes(3)));
    assert_eq!(count(AuditFilter { since, until, ..AuditFilter::default() }, page(10)).await, 2);
    let all = stores.audit.list_events(&AuditFilter::default(), &page(10)).await.unwrap();
    let between = PageRequest { after: Some(all[1].id.clone()), before: Some(all[4].id.clone()), ..page(10) };
    assert_eq!(count(of(AuditSelector::All), between).await, 2);
    assert_eq!(all[0].details.as_ref().unwrap().reason.as_deref(), Some("$because"));
}

async fn a_change_and_its_event_are_made_together(stores: &Stores) {
    let ada = account("ada@example.com");
    let registered = event(AuditKind::Registered, ada.user.id.as_str(), now());
    stores.users.insert(&ada, Some(&registered)).await.unwrap();
    // Nobody is made, so that nothing is recorded.
    let again = event(AuditKind::Registered, "user_again", now());
    assert!(stores.users.insert(&account("ada@example.com"), Some(&again)).await.is_err());
    let mut change = UserChange::of(&ada.user.id, now());
    change.only_if.version = Some(7);
    let change = change.recorded(event(AuditKind::UserUpdated, "user_unmet", now()));
    stores.users.change(&change).await.unwrap();
    let change = UserChange::of(&ada.user.id, now());
    let change = change.recorded(event(AuditKind::UserUpdated, ada.user.id.as_str(), now()));
    stores.users.change(&change).await.unwrap();
    let erased = event(AuditKind::UserErased, ada.user.id.as_str(), now());
    stores.users.remove(&ada.user.id, Some(&erased)).await.unwrap();
    let twice = event(AuditKind::UserErased, "user_twice", now());
    stores.users.remove(&ada.user.id, Some(&twice)).await.unwrap();
    settle(stores).await;
    let found = stores.audit.list_events(&AuditFilter::default(), &page(10)).await.unwrap();
    let mut kinds: Vec<_> = found.iter().map(|event| event.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["REGISTERED", "USER_ERASED", "USER_UPDATED"]);
    assert!(found.iter().all(|event| event.subject.as_deref() == Some(ada.user.id.as_str())));
}

async fn a_chain_is_whole_and_outlives_retention(stores: &Stores) {
    for number in 0..30 {
        let at = now() + TimeDelta::days(number);
        stores.audit.append(&event(AuditKind::Login, "user_a", at)).await.unwrap();
    }
    stores.audit.seal(now() + TimeDelta::days(60)).await.unwrap();
    let report = log(stores).verify(None).await.unwrap();
    assert_eq!((report.events, report.unsealed, report.fault), (30, 0, None));
    let noted = report.ends.last;
    assert_eq!(noted.position, 30);
    assert_eq!(stores.audit.purge_events(now() + TimeDelta::days(10)).await, Ok(10));
    assert_eq!(stores.audit.purge_events(now() + TimeDelta::days(10)).await, Ok(0));
    let report = log(stores).verify(Some(noted)).await.unwrap();
    assert_eq!((report.events, report.fault), (20, None));
    // Nothing vouches for what stands before the beginning.
    let early = Link { position: 3, hash: Link::origin().hash };
    let report = log(stores).verify(Some(early)).await.unwrap();
    assert_eq!(report.fault, Some(ChainFault::OtherEnd(30)));
    let other = Link { position: 30, hash: Link::origin().hash };
    let report = log(stores).verify(Some(other)).await.unwrap();
    assert_eq!(report.fault, Some(ChainFault::OtherEnd(30)));
}

async fn what_is_personal_is_forgotten_and_the_chain_holds(stores: &Stores) {
    for subject in ["user_a", "user_b", "user_a"] {
        stores.audit.append(&event(AuditKind::Login, subject, now())).await.unwrap();
    }
    settle(stores).await;
    assert_eq!(stores.audit.redact("user_a").await, Ok(2));
    assert_eq!(stores.audit.redact("user_a").await, Ok(0));
    let found = stores.audit.list_events(&AuditFilter::default(), &page(10)).await.unwrap();
    assert_eq!(found.iter().filter(|event| event.details.is_none()).count(), 2);
    let report = log(stores).verify(None).await.unwrap();
    assert_eq!((report.events, report.redacted, report.fault), (3, 2, None));
    // Where somebody was is theirs; what they did to others stays.
    assert_eq!(stores.audit.redact("user_01h455vb4pex5vsknk084sn02q").await, Ok(1));
    let found = stores.audit.list_events(&AuditFilter::default(), &page(10)).await.unwrap();
    let of_b = found.iter().find(|event| event.subject.as_deref() == Some("user_b")).unwrap();
    assert_eq!(of_b.details.as_ref().unwrap().reason.as_deref(), Some("$because"));
    assert_eq!(of_b.client, None);
    assert!(found.iter().all(|event| event.client.is_none()));
    let report = log(stores).verify(None).await.unwrap();
    assert_eq!((report.redacted, report.fault), (3, None));
}

async fn many_who_seal_make_one_chain(stores: &Stores) {
    for number in 0..40 {
        let at = now() + TimeDelta::milliseconds(number);
        stores.audit.append(&event(AuditKind::Login, "user_a", at)).await.unwrap();
    }
    for _ in 0..40 {
        let sealers = (0..4).map(|_| {
            let audit = stores.audit.clone();
            tokio::spawn(async move { audit.seal(now() + TimeDelta::days(1)).await.unwrap() })
        });
        for sealer in sealers.collect::<Vec<_>>() {
            sealer.await.unwrap();
        }
        if stores.audit.unsealed().await == Ok(0) {
            break;
        }
    }
    let report = log(stores).verify(None).await.unwrap();
    assert_eq!((report.events, report.unsealed, report.fault), (40, 0, None));
}
