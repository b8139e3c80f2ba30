exports.up = async (knex) => {
  await knex.schema.renameTable('orders', 'purchases')
  await knex.raw(`
    ALTER SEQUENCE orders_id_seq RENAME TO purchases_id_seq;
    ALTER TABLE purchases RENAME CONSTRAINT orders_pkey TO purchases_pkey;
  `)
  await knex.schema.alterTable('purchases', (table) => table.bigInteger('amount').notNullable().alter())
}

exports.down = async (knex) => {
  await knex.schema.alterTable('purchases', (table) => table.integer('amount').notNullable().alter())
  await knex.raw(`
    ALTER TABLE purchases RENAME CONSTRAINT purchases_pkey TO orders_pkey;
    ALTER SEQUENCE purchases_id_seq RENAME TO orders_id_seq;
  `)
  await knex.schema.renameTable('purchases', 'orders')
}
