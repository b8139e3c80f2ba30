import { z } from 'zod'
import { configSchema } from './config-schema.js'
import { ruleFileSchema } from './rule-schema.js'

/** The JSON Schemas that editors check files by, made from what the proxy itself checks by; file name to text. */
export function jsonSchemas(): Readonly<Record<string, string>> {
  const print = (schema: z.ZodType) => `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`
  return { 'rule.schema.json': print(ruleFileSchema), 'config.schema.json': print(configSchema) }
}
