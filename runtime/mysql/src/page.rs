//! Deliveries as people look at them. What is wanted of them differs from call to call, so these are the only statements that are
//! put together when they are made: both by [`restricted`], which begins with the tenant.

use sqlx::{MySql, MySqlConnection, QueryBuilder};
use tracardi_model::Context;
use tracardi_store::columns::{code, fitting, number, unsigned};
use tracardi_store::{Deliveries, DeliveryPage, StoreError};

use crate::Mysql;
use crate::connection::work;
use crate::deposit::family;
use crate::outbox::{Row, rows};

/// A page has at most this many deliveries, whatever was asked for.
const MAX_PAGE: u64 = 10_000;

/// A statement about deliveries of this tenant and context that are as wanted. `profiles`: the ids of the profile, if one is wanted.
fn restricted(
    select: &str,
    tenant: &str,
    context: i64,
    wanted: &Deliveries,
    profiles: Option<&[String]>,
) -> QueryBuilder<MySql> {
    let mut query = QueryBuilder::new(select);
    query.push(" FROM delivery WHERE tenant = ").push_bind(tenant.to_owned());
    query.push(" AND context = ").push_bind(context);
    let Deliveries { destination, event, state, ids, .. } = wanted;
    for (column, value) in [("destination", destination), ("event_id", event)] {
        if let Some(value) = value {
            query.push(format!(" AND {column} = ")).push_bind(value.clone());
        }
    }
    for (column, values) in [("profile_id", profiles), ("id", ids.as_deref())] {
        let Some(values) = values else { continue };
        // No list of SQL is empty.
        query.push(format!(" AND {column} IN (NULL"));
        for value in values {
            query.push(", ").push_bind(value.clone());
        }
        query.push(")");
    }
    if let Some(state) = state {
        query.push(" AND state = ").push_bind(code(*state));
    }
    query
}

async fn page(
    connection: &mut MySqlConnection,
    tenant: &str,
    context: i64,
    wanted: &Deliveries,
) -> Result<(i64, Vec<Row>), sqlx::Error> {
    let profiles = match &wanted.profile {
        Some(profile) => Some(family(connection, tenant, context, std::slice::from_ref(profile)).await?),
        None => None,
    };
    let mut count = restricted("SELECT COUNT(*)", tenant, context, wanted, profiles.as_deref());
    let total: i64 = count.build_query_scalar().persistent(false).fetch_one(&mut *connection).await?;
    let mut page = restricted("SELECT seq, bytes", tenant, context, wanted, profiles.as_deref());
    page.push(" ORDER BY seq DESC LIMIT ").push_bind(wanted.limit.min(MAX_PAGE));
    page.push(" OFFSET ").push_bind(i64::try_from(wanted.start).unwrap_or(i64::MAX));
    let found: Vec<(i64, i64)> = page.build_query_as().persistent(false).fetch_all(&mut *connection).await?;
    Ok((total, rows(connection, tenant, &fitting(found)).await?))
}

impl Mysql {
    pub(crate) async fn page(&self, context: Context, wanted: &Deliveries) -> Result<DeliveryPage, StoreError> {
        let context = number(context);
        let (total, rows) = work!(self, connection => page(connection, self.tenant(), context, wanted).await)?;
        let result = rows.into_iter().map(Row::stored).collect::<Result<_, _>>()?;
        Ok(DeliveryPage { total: unsigned(total), result })
    }
}
