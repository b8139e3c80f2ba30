/** What the functions that find the end of a lexeme return where it has none; all are negative. */
export const LexemeFailure = {
  comment: -1,
  quotedString: -2,
  bitString: -3,
  hexString: -4,
  dollarString: -5,
  quotedIdentifier: -6,
  emptyIdentifier: -7,
  unicodeEscape: -8,
  surrogatePair: -9,
  numberJunk: -10,
  paramTooLarge: -11,
  operatorTooLong: -12,
  unsafeUnicodeString: -13,
} as const

const MESSAGES: Readonly<Record<keyof typeof LexemeFailure, string>> = {
  comment: 'unterminated /* comment',
  quotedString: 'unterminated quoted string',
  bitString: 'unterminated bit string literal',
  hexString: 'unterminated hexadecimal string literal',
  dollarString: 'unterminated dollar-quoted string',
  quotedIdentifier: 'unterminated quoted identifier',
  emptyIdentifier: 'zero-length delimited identifier',
  unicodeEscape: 'invalid Unicode escape',
  surrogatePair: 'invalid Unicode surrogate pair',
  numberJunk: 'trailing junk after numeric literal',
  paramTooLarge: 'parameter number too large',
  operatorTooLong: 'operator too long',
  unsafeUnicodeString: 'unsafe use of string constant with Unicode escapes',
}

export function failureMessage(failure: number): string {
  for (const [name, code] of Object.entries(LexemeFailure)) {
    if (code === failure) return MESSAGES[name as keyof typeof LexemeFailure]
  }
  throw new Error(`${failure} is no lexeme failure`)
}
