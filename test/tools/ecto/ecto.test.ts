import { expect, onTestFinished, test } from 'vitest'
import { startShop } from '../support/start-shop.js'
import { migrateUnderLoad, TIMEOUT } from '../support/under-load.js'
import { runEctoMigrations } from './ecto-migrator.js'
import { migrations } from './migrations.js'

test(
  "Ecto's pattern: the ledger locked on one connection, DDL on another, each migration a version",
  async () => {
    const hotswap = await startShop('20260302-country.yaml', (url) => runEctoMigrations(url, migrations.slice(0, 1)))
    onTestFinished(() => hotswap.stop())
    const { versions } = await migrateUnderLoad(hotswap, 'Ecto', () => runEctoMigrations(hotswap.url, migrations))
    expect(versions).toEqual(['initial', '20260214090000', '20260301101500', '20260302-country'])
  },
  TIMEOUT,
)
