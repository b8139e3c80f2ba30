const durationUnits = { ms: 1, s: 1000, min: 60_000 } as const
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

/** `200ms`, `1s`, `1.5s`, `2min` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, durationUnits)
}

/** `512B`, `64KiB`, `64MiB`, `1GiB` in bytes; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  return parseQuantity(text, sizeUnits)
}

function parseQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)$/.exec(text)
  const factor = Object.hasOwn(units, match?.[2] ?? '') ? units[match?.[2] ?? ''] : undefined
  return match === null || factor === undefined ? undefined : Math.round(Number(match[1]) * factor)
}
