import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { jsonSchemas } from '../../src/config/json-schemas.js'

test.each(Object.entries(jsonSchemas()))('rules/%s is what the definitions give', async (name, text) => {
  // To bring it up to date: npm run schemas
  expect(JSON.parse(await readFile(new URL(`../../rules/${name}`, import.meta.url), 'utf8'))).toEqual(JSON.parse(text))
})
