import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { defineConfig } from 'prisma/config'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL })

// The adapter does not know the type `name`, which the engine's questions to the system catalogs are answered with.
const [NAME, TEXT] = [19, 25]
const query = pool.query.bind(pool)
pool.query = async (...args) => {
  const result = await query(...args)
  for (const field of result.fields ?? []) if (field.dataTypeID === NAME) field.dataTypeID = TEXT
  return result
}

// biome-ignore lint/style/noDefaultExport: Prisma looks for one
export default defineConfig({
  experimental: { adapter: true },
  engine: 'js',
  schema: './schema.prisma',
  migrations: { path: './migrations' },
  adapter: async () => new PrismaPg(pool, { disposeExternalPool: true }),
})
