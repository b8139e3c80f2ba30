import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jsonSchemas } from './json-schemas.js'

/** Writes the JSON Schemas into a folder; the repository's copy is `rules/`. */
export async function writeJsonSchemas(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(jsonSchemas())) await writeFile(join(directory, name), text)
}
