//! Removes a tenant from the servers of a larger installation.

use std::time::Duration;

use tracardi_elastic::ElasticSettings;
use tracardi_mysql::MysqlSettings;
use tracardi_redis::{Channel, Link, Server, channel};

use super::arguments::{ElasticArguments, MysqlArguments, RedisArguments, complaint};
use super::{SharedArguments, herald, queue};

/// How long Redis may take for a step.
const PATIENCE: Duration = Duration::from_secs(10);

/// Removes everything that the tenant has: what waits in the queue first, so that nothing comes any more; the configuration last, so
/// that who is interrupted is known to be there still. Refuses while it hears of a process of the tenant.
/// Repeating it does no harm.
pub(crate) async fn remove(shared: &SharedArguments) -> anyhow::Result<()> {
    shared.check()?;
    let (tenant, redis) = (&shared.tenant, shared.redis.endpoint()?);
    let of_redis = |error| complaint(&error, &[&redis], RedisArguments::variable);
    let (server, names) = (Server::at(&redis).map_err(of_redis)?, [herald::name(tenant)]);
    let link = Link::new(server.clone(), &[], PATIENCE);
    if channel::is_heard(&link, &names).await.map_err(of_redis)? {
        anyhow::bail!("processes of the tenant `{tenant}` are running: end all of them first, nothing was removed");
    }
    // Where nobody may listen, that nobody does says nothing.
    Channel::listen(server, &names).await.map_err(of_redis)?;
    queue::remove(shared).await?;
    // What waits in the queue goes before the documents: nothing is carried out into indices that are made anew.
    // Neither a tenant nor what follows its name has a colon or a brace in it: nobody else's keys begin so.
    let keys = tracardi_redis::remove(&link, &format!("tracardi:{{{tenant}:")).await.map_err(of_redis)?;
    tracing::info!(%tenant, keys, "the queue and the keys in Redis are gone");
    let elastic = shared.elastic.endpoint()?;
    let settings = ElasticSettings {
        prefix: shared.elastic.elastic_prefix.clone(),
        ..ElasticSettings::new(elastic.clone(), tenant.clone())
    };
    let indices = tracardi_elastic::remove(&settings).await;
    let indices = indices.map_err(|error| complaint(&error, &[&elastic], ElasticArguments::variable))?;
    tracing::info!(%tenant, indices, "the documents are gone");
    let mysql = shared.mysql.endpoint()?;
    let settings = MysqlSettings::new(mysql.clone(), &shared.mysql.mysql_database, tenant.clone());
    let removed = tracardi_mysql::remove(&settings).await;
    removed.map_err(|error| complaint(&error, &[&mysql], MysqlArguments::variable))?;
    tracing::info!(%tenant, "the configuration is gone");
    Ok(())
}
