exports.up = (knex) =>
  knex.schema.alterTable('users', (table) => {
    table.text('country').notNullable().defaultTo('DE')
    table.dropColumn('legacy')
  })

exports.down = (knex) =>
  knex.schema.alterTable('users', (table) => {
    table.boolean('legacy').notNullable().defaultTo(false)
    table.dropColumn('country')
  })
