//! Going through what the parser made of an expression.

use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr},
};

/// The expressions directly within `expr`.
pub(crate) fn children(expr: &Expr) -> Vec<&IdedExpr> {
    match expr {
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => Vec::new(),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|one| values(&one.expr)).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Struct(one) => one.entries.iter().flat_map(|one| values(&one.expr)).collect(),
    }
}

fn values(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}

/// How deep `expr` nests. A loop and not a recursion, since it is asked before anybody may recurse.
pub(crate) fn depth(expr: &IdedExpr) -> u16 {
    let mut deepest: u16 = 0;
    let mut open = vec![(expr, 1_u16)];
    while let Some((expr, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(children(&expr.expr).into_iter().map(|child| (child, depth.saturating_add(1))));
    }
    deepest
}
