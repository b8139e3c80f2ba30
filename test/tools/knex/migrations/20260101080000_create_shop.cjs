exports.up = async (knex) => {
  await knex.schema.createTable('users', (table) => {
    table.increments()
    table.text('name').notNullable()
    table.text('email').notNullable().unique({ indexName: 'users_email_key' })
    table.boolean('legacy').notNullable().defaultTo(false)
  })
  await knex.schema.createTable('orders', (table) => {
    table.increments()
    table.integer('user_id').notNullable().references('users.id')
    table.integer('amount').notNullable()
    table.text('status').notNullable().defaultTo('new')
    table.text('note')
  })
}

exports.down = (knex) => knex.schema.dropTable('orders').dropTable('users')
