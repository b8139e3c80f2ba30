import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const SOURCE = resolve(import.meta.dirname, '../src')

/** What each room may import: itself, and what comes before it on the way from bytes to bytes. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  sql: [],
  catalog: ['sql'],
  resolve: ['sql', 'catalog'],
  rewrite: ['sql', 'catalog', 'resolve'],
  proxy: ['wire', 'sql', 'catalog', 'rewrite'],
  config: ['sql', 'catalog', 'rewrite'],
  switch: ['sql', 'catalog', 'resolve', 'rewrite', 'config', 'proxy'],
  admin: ['sql', 'rewrite', 'proxy', 'switch'],
  cli: ['sql', 'catalog', 'rewrite', 'config', 'proxy', 'switch', 'admin'],
}

function sourceFiles(): readonly string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
}

test('imports follow the data flow', () => {
  const wrong: string[] = []
  for (const file of sourceFiles()) {
    const room = file.split('/')[0] ?? ''
    if (!file.includes('/')) continue
    for (const [, target = ''] of readFileSync(join(SOURCE, file), 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      const other = relative(SOURCE, resolve(SOURCE, dirname(file), target)).split('/')[0] ?? ''
      if (other !== room && !ALLOWED[room]?.includes(other)) wrong.push(`${file} imports ${target}`)
    }
  }
  expect(wrong).toEqual([])
})

test('every room of the source is known here', () => {
  const rooms = new Set(sourceFiles().flatMap((file) => (file.includes('/') ? [file.split('/')[0]] : [])))
  expect([...rooms].filter((room) => ALLOWED[room ?? ''] === undefined)).toEqual([])
})
