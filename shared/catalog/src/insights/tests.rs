use proptest::{prelude::*, test_runner::Config};
use serde_json::json;

use super::*;

fn rendered(template: &str, value: &str) -> Result<String, ExprError> {
    insights(&Template::new(template), &Scope::new().with("inputs", &json!({ "x": value })))
}

fn places(template: &str) -> Vec<Place> {
    let template = Template::new(template);
    checked(template.parts().unwrap()).into_iter().map(|(_, place)| place).collect()
}

#[test]
fn i8_a_value_in_a_regular_expression_is_a_literal() {
    let template = "filter @message like /id=${{ inputs.x }}[a-z]+/ | limit 5";
    assert_eq!(rendered(template, "a-1").unwrap(), "filter @message like /id=a-1[a-z]+/ | limit 5");
    assert_eq!(
        rendered(template, "a.*/ | stats count(*) #").unwrap(),
        r"filter @message like /id=a\x2e\x2a\x2f \x7c stats count\x28\x2a\x29 \x23[a-z]+/ | limit 5"
    );
    assert_eq!(rendered("filter a like /${{ inputs.x }}/", "é\u{85}\n").unwrap(), r"filter a like /é\x{85}\x0a/");
}

#[test]
fn i8_a_value_in_a_string_has_nothing_that_could_end_it() {
    let template = "filter id = \"${{ inputs.x }}\" | limit 5";
    assert_eq!(rendered(template, "a | b # /c/").unwrap(), "filter id = \"a | b # /c/\" | limit 5");
    for value in ["\"", "'", "`", "a\\", "a\nb", "\u{0}"] {
        let refused = rendered(template, value).unwrap_err().to_string();
        assert!(refused.contains("inputs.x") && refused.contains("like /.../"), "{refused}");
    }
}

#[test]
fn what_the_catalog_chose_stands_as_it_is_outside_of_quotes() {
    assert_eq!(rendered("${{ inputs.x }}", "stats count(*) by \"a\"").unwrap(), "stats count(*) by \"a\"");
}

#[test]
fn the_place_of_a_value_is_told_by_what_is_written_around_it() {
    for (template, wanted) in [
        ("filter id = \"${{ x }}\"", Place::Text),
        ("filter id in ['a', '${{ x }}']", Place::Text),
        ("filter strcontains(@message, \"${{ x }}\")", Place::Text),
        ("filter @message like \"${{ x }}\"", Place::Text),
        ("filter @message like /${{ x }}/", Place::Pattern),
        ("filter @message not LIKE /a(${{ x }}|b)/", Place::Pattern),
        ("filter @message =~ /${{ x }}/", Place::Pattern),
        ("fields a # it's a comment\n| filter @message like /\\/orders\\/${{ x }}/", Place::Pattern),
        ("parse @message /id=${{ x }} (?<n>.*)/", Place::Pattern),
        ("parse @message \"id=${{ x }} *\" as n", Place::Glob),
        ("fields `a${{ x }}`", Place::Field),
        ("filter n > ${{ x }}", Place::Open),
        ("limit ${{ x }}", Place::Open),
        ("# \"${{ x }}\"", Place::Open),
        // An escape, a class or a quantifier that it would go on with.
        ("filter a like /\\${{ x }}/", Place::Within),
        ("filter a like /[${{ x }}]/", Place::Within),
        ("filter a like /a{${{ x }}}/", Place::Within),
        ("filter a like /(?${{ x }})/", Place::Within),
        ("filter a like /\\Q${{ x }}\\E/", Place::Within),
        ("filter a like /${{ x }}", Place::Within),
        ("filter a = \"${{ x }}", Place::Within),
        ("filter a = \"\\\"${{ x }}\"", Place::Within),
        // It may be a division, or an expression with a quote in it.
        ("stats sum(b)/1024 as k | filter k = \"${{ x }}\"", Place::Unclear),
        ("filter f(/\"/) and b = \"${{ x }}\"", Place::Unclear),
        ("fields likes /a/ | filter b = ${{ x }}", Place::Unclear),
    ] {
        assert_eq!(places(template), [wanted], "{template}");
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::default() })]

    #[test]
    fn i8_any_value_in_a_regular_expression_matches_itself_and_nothing_else(
        value in prop_oneof![r#"[\\"'`.*+?()|\[\]{}^$#&~/ \n\r\t-]{0,12}"#, "\\PC{0,8}"],
        other in "\\PC{0,8}",
    ) {
        let query = rendered("filter a like /${{ inputs.x }}/", &value).unwrap();
        let body = query.strip_prefix("filter a like /").and_then(|rest| rest.strip_suffix('/')).unwrap();
        prop_assert!(!body.contains(['/', '"', '\'', '`', '|', '#', '\n']));
        let pattern = regex::Regex::new(&format!("^(?s:{body})$")).unwrap();
        prop_assert!(pattern.is_match(&value));
        prop_assert_eq!(pattern.is_match(&other), value == other);
    }

    #[test]
    fn i8_any_value_in_a_string_stays_in_it_or_is_refused(value in r#"[\\"'`|#/a \n]{0,6}"#) {
        if let Ok(query) = rendered("filter a = '${{ inputs.x }}'", &value) {
            prop_assert_eq!(query.matches('\'').count(), 2);
            prop_assert!(query.contains(&value) && !query.contains('\\'));
        }
    }

    #[test]
    fn no_query_makes_the_scanner_panic(text in r#"([{}"'`=~!\\#\[\]()?QEx4a \n/|]|like |parse |\$\{\{ x \}\}){0,24}"#) {
        if let Ok(parts) = Template::new(text).parts() {
            let values = parts.iter().filter(|part| matches!(part, Part::Value(_))).count();
            prop_assert_eq!(checked(parts).len(), values);
        }
    }
}
