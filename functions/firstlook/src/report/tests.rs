use super::*;

/// The RunSession that the console's pages are tested with, too.
const VIEW: &str = include_str!("../../../console/src/tests/view.json");

fn view() -> RunView {
    serde_json::from_str(VIEW).unwrap()
}

#[test]
fn dressing_adds_nothing_but_its_codes() {
    let dressed = text(&view(), Style::Dressed);
    let mut bare = String::new();
    let mut rest = dressed.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    assert_ne!(dressed, bare);
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&bare), trimmed(&text(&view(), Style::Plain)));
}

#[test]
fn i14_the_text_of_a_failed_run_says_why() {
    let mut view = view();
    view.run.status = RunStatus::Failed;
    view.run.reason = Some("the catalog has no Command `gone`".into());
    view.run.report = None;
    assert!(text(&view, Style::Plain).contains("\nfailed: the catalog has no Command `gone`\n"));
    assert!(line(&view.run, Style::Plain).contains("failed"));
}

#[test]
fn i5_a_target_that_is_not_wanted_or_was_deleted_says_why_and_is_no_failure() {
    let mut view = view();
    view.targets.truncate(1);
    view.targets[0].state = TargetState::NotWanted;
    view.targets[0].spec.when = Some("run.worst_severity <= 2".into());
    let text = text(&view, Style::Plain);
    assert!(
        text.contains("not wanted") && text.contains("its condition did not hold: run.worst_severity <= 2"),
        "{text}"
    );
    view.run.revision = view.targets[0].revision;
    assert!(crate::follow::settled(&view.targets[0], &view.run) && crate::follow::went_well(&view));
    view.targets[0].state = TargetState::Deleted;
    let text = self::text(&view, Style::Plain);
    assert!(text.contains("deleted ") && text.contains("a person has deleted it there"), "{text}");
    assert!(!text.contains("its condition"), "{text}");
    view.run.revision += 1;
    assert!(crate::follow::settled(&view.targets[0], &view.run) && crate::follow::went_well(&view));
}

#[test]
fn the_text_of_a_run_under_way_says_how_far_it_is() {
    let mut view = view();
    view.run.status = RunStatus::Running;
    view.run.ended_at = None;
    view.run.report = None;
    assert!(text(&view, Style::Plain).contains("under way, 4 steps recorded"));
}

#[test]
fn i8_no_alert_can_move_the_cursor_or_turn_the_colours() {
    let evil = "a\u{1b}[2Jb\u{7}c\u{202e}d\rE";
    let mut view = view();
    view.run.title = evil.into();
    let report = view.run.report.as_mut().unwrap();
    report.verdict = evil.into();
    report.next_steps = vec![evil.into()];
    report.remarks = vec![evil.into()];
    report.healthy[0].summary = evil.into();
    report.gaps[0].reason = evil.into();
    let issue = &mut report.issues[0].issue;
    (issue.title, issue.actual, issue.details, issue.resource) = (evil.into(), evil.into(), evil.into(), evil.into());
    view.steps[0].evidence.summary = evil.into();
    view.steps[0].id = domain::StepId::new(evil);
    view.targets[1].last_error = Some(evil.into());
    view.targets[1].spec.name = evil.into();

    for shown in [text(&view, Style::Plain), line(&view.run, Style::Plain)] {
        let wrong = shown.chars().find(|character| character.is_control() && *character != '\n');
        assert_eq!(wrong, None, "{shown:?}");
        assert!(!shown.contains('\u{202e}') && shown.contains("a\u{fffd}[2Jb"));
    }
}

#[test]
fn lines_are_broken_at_spaces_and_long_words_stay_whole() {
    assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
    assert_eq!(wrap("aa bbbbbbbb c", 5), ["aa", "bbbbbbbb", "c"]);
    assert_eq!(wrap("a\n\nb\n", 5), ["a", "", "b"]);
    assert_eq!(wrap("", 5), [""]);
}

#[test]
fn a_run_that_a_clock_started_says_so_in_the_list_and_on_top() {
    let at: jiff::Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
    let name: domain::Name = "nightly-look".parse().unwrap();
    let id = domain::RunId::opened_by(domain::EventId::of_firing(&name, at));
    let run = domain::Run {
        trigger: domain::Trigger::Schedule { name, at },
        ..domain::Run::queued(id, "triage".parse().unwrap(), "0", at)
    };
    let said = "by schedule nightly-look at 2026-11-22 03:00 UTC";
    let line = super::line(&run, crate::out::Style::Plain);
    assert!(line.contains(&format!("/triage ({said})")), "{line}");
    let view =
        domain::RunView { run, steps: vec![], events: vec![], targets: vec![], ratings: vec![], transcript: vec![] };
    let text = super::text(&view, crate::out::Style::Plain);
    assert!(text.contains(&format!("{said}, triage")), "{text}");
}

#[test]
fn what_one_post_shows_that_cannot_be_edited_is_said() {
    let note = domain::OutletSpec::PagerDuty(domain::PagerDutySpec { note: true, from: None });
    let mut target = domain::Target::new(domain::TargetSpec::new("pagerduty", note), jiff::Timestamp::UNIX_EPOCH);
    (target.state, target.revision, target.provider_id) = (domain::TargetState::Sent, 5, Some("PNOTE".to_owned()));
    let line = |target: &domain::Target| super::target(target, 5, Style::Plain);
    assert_eq!(line(&target), "sent          pagerduty        note on the incident");
    target.one_post = Some(domain::OnePost { revision: 3, status: domain::RunStatus::Failed });
    assert!(line(&target).ends_with("  it shows revision 3, and cannot be edited"), "{}", line(&target));
    // What was counted since is not brought there.
    let mut run = view().run;
    (run.revision, run.status, target.revision) = (5, RunStatus::Failed, 3);
    assert!(line(&target).starts_with("sent ") && line(&target).contains("revision 3"), "{}", line(&target));
    assert!(crate::follow::settled(&target, &run));
    run.status = RunStatus::Concluded;
    assert!(!crate::follow::settled(&target, &run), "one more is to say so");
}
