//! The table on DynamoDB: what `shared/store` asks for, as `GetItem`, `Query`, `PutItem`, `UpdateItem` and
//! `TransactWriteItems`, and nothing else (the roles in `infra/template.yaml` allow no more).

mod cursor;
mod expression;
mod fail;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use table::DynamoTable;
