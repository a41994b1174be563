-- A row for each tenant. revision: grows with each change of the configuration. checks: what the keys are recognised by.
CREATE TABLE IF NOT EXISTS tenant (
    tenant VARBINARY(32) NOT NULL,
    revision BIGINT NOT NULL,
    encryption_check BINARY(32) NOT NULL,
    signing_check BINARY(32) NOT NULL,
    PRIMARY KEY (tenant)
) ENGINE = InnoDB
