exports.up = async (pgm) => {
  pgm.addColumn('users', { country: { type: 'text', notNull: true, default: 'DE' } })
  pgm.dropColumn('users', 'legacy')
}
