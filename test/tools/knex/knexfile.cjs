exports.client = 'pg'
exports.connection = process.env.DATABASE_URL
exports.migrations = { directory: process.env.MIGRATIONS.split(',') }
