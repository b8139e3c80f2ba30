exports.up = (knex) => knex.schema.table('users', (table) => table.renameColumn('name', 'full_name'))

exports.down = (knex) => knex.schema.table('users', (table) => table.renameColumn('full_name', 'name'))
