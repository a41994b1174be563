-- hash: HMAC-SHA-256 of the token under the signing key. expires: microseconds since 1970.
CREATE TABLE IF NOT EXISTS token (
    tenant VARBINARY(32) NOT NULL,
    hash BINARY(32) NOT NULL,
    user_id VARBINARY(512) NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (tenant, hash),
    KEY token_user (tenant, user_id),
    KEY token_expires (tenant, expires),
    CONSTRAINT token_of_user FOREIGN KEY (tenant, user_id) REFERENCES user (tenant, id) ON DELETE CASCADE
) ENGINE = InnoDB
