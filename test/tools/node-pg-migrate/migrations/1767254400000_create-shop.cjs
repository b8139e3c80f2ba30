exports.up = (pgm) => {
  pgm.createTable('users', {
    id: 'id',
    name: { type: 'text', notNull: true },
    email: { type: 'text', notNull: true, unique: true },
    legacy: { type: 'boolean', notNull: true, default: false },
  })
  pgm.createTable('orders', {
    id: 'id',
    user_id: { type: 'integer', notNull: true, references: 'users' },
    amount: { type: 'integer', notNull: true },
    status: { type: 'text', notNull: true, default: 'new' },
    note: { type: 'text' },
  })
}
