exports.config = { transaction: false }

exports.up = (knex) => knex.raw('CREATE INDEX CONCURRENTLY purchases_status_idx ON purchases (status)')

exports.down = (knex) => knex.raw('DROP INDEX CONCURRENTLY purchases_status_idx')
