exports.up = (pgm) => {
  pgm.renameColumn('users', 'name', 'full_name')
}

exports.down = (pgm) => {
  pgm.renameColumn('users', 'full_name', 'name')
}
