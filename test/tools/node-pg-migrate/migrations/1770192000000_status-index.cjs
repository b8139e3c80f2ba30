exports.up = (pgm) => {
  pgm.noTransaction()
  pgm.createIndex('purchases', 'status', { name: 'purchases_status_idx', concurrently: true })
}

exports.down = false
