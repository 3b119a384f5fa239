//! Runs that are hard to show: many findings, a budget that was reached, much evidence, other scripts than Latin.

use domain::{Gap, Issue, MergedIssue, Outcome, Severity, Shown, Step, StepId};

use super::views;

/// A dozen findings of every severity.
pub(crate) fn many() -> Shown {
    let mut view = views::concluded();
    let report = view.run.report.as_mut().unwrap();
    let services = ["checkout", "payments", "orders", "stock", "search", "mail"];
    let severities = [Severity::Critical, Severity::Major, Severity::Minor, Severity::Informational];
    report.issues = severities
        .into_iter()
        .flat_map(|severity| services.map(|service| (severity, service)))
        .step_by(2)
        .map(|(severity, service)| {
            let title = format!("{service} answers 503");
            let resource = format!("https://{service}.internal/healthz");
            let issue = Issue { resource, ..views::issue(severity, &title) };
            MergedIssue { issue, last_seen_at: None, steps: vec![StepId::new("health")] }
        })
        .collect();
    report.verdict = "checkout answers 503, and 11 more findings".to_owned();
    report.next_steps = services.map(|service| format!("Look at the newest deploy of {service}.")).to_vec();
    view
}

/// Very many findings, gaps and next steps of a few signs each, which take four bytes.
pub(crate) fn short() -> Shown {
    let mut view = views::concluded();
    let report = view.run.report.as_mut().unwrap();
    let issue = |number: usize| {
        let bare = Issue { expected: String::new(), actual: String::new(), ..views::issue(Severity::Major, "") };
        let issue = Issue {
            title: format!("f{number} {}", "🔥".repeat(3)),
            details: String::new(),
            resource: String::new(),
            ..bare
        };
        MergedIssue { issue, last_seen_at: None, steps: vec![StepId::new("h")] }
    };
    report.issues = (0..60).map(issue).collect();
    let gap = |number: usize| Gap {
        step: StepId::new("health"),
        title: "🔥".repeat(4),
        reason: format!("{number} {}", "🔥".repeat(4)),
    };
    report.gaps = (0..30).map(gap).collect();
    report.next_steps = (0..50).map(|number| format!("s{number} {}", "🔥".repeat(10))).collect();
    view
}

/// It ended early.
pub(crate) fn budget() -> Shown {
    let mut view = views::concluded();
    let reason = "the run's time budget of 20s was reached";
    for (index, title) in ["What was deployed last", "Is the database full"].into_iter().enumerate() {
        let id = StepId::new(format!("late-{index}"));
        let step = Step {
            id: id.clone(),
            title: title.to_owned(),
            outcome: Outcome::Skipped { reason: reason.to_owned() },
            ..view.steps[0].clone()
        };
        view.steps.push(step);
        let gap = Gap { step: id, title: title.to_owned(), reason: reason.to_owned() };
        view.run.report.as_mut().unwrap().gaps.push(gap);
    }
    let report = view.run.report.as_mut().unwrap();
    report.verdict = "Checkout's health page answers 503; 2 checks could not be made".to_owned();
    report.remarks.push(format!("Concluded early: {reason}."));
    view
}

/// Its evidence is long.
pub(crate) fn large() -> Shown {
    let mut view = views::read();
    let lines: Vec<String> = (0..400)
        .map(|n| format!("2027-01-15T08:00:{:02}Z ERROR worker {n}: too many clients already. Tried again.", n % 60))
        .collect();
    view.steps[0].evidence.summary = format!("400 lines: {}", lines[..20].join(" "));
    let report = view.run.report.as_mut().unwrap();
    report.issues[0].issue.details = lines.join("\n");
    report.issues[0].issue.actual = lines[..10].join(" ");
    let cause = report.reading.as_mut().unwrap().cause.as_mut().unwrap();
    cause.claims[0].quote = lines[..4].join(" ");
    view
}

/// What is said is written from right to left, in signs for words, and in pictures.
pub(crate) fn tongues() -> Shown {
    let mut view = views::read();
    view.run.title = "شראשי: خدمة الدفع لا تستجيب 🚨 503".to_owned();
    view.run.alert.as_mut().unwrap().service.name = "סליקה 💳".to_owned();
    let report = view.run.report.as_mut().unwrap();
    report.verdict = "שירות התשלומים מחזיר 503 (12 ms)".to_owned();
    let issue = &mut report.issues[0].issue;
    issue.title = "支払いサービスが503を返します 🔥".to_owned();
    issue.actual = "اتصال مرفوض: db-1:5432".to_owned();
    issue.details = "👩‍👩‍👧‍👦 e\u{301}te\u{301} ‏— שגיאה: \"pool exhausted\"".to_owned();
    let reading = report.reading.as_mut().unwrap();
    reading.summary = "תקלה: מאגר החיבורים מוצה, 50 מתוך 50 🧑‍🚒".to_owned();
    reading.impact = "لا أحد يستطيع الدفع.".to_owned();
    report.next_steps = vec!["הפעל מחדש מופע אחד. 再起動してください。".to_owned()];
    view
}
