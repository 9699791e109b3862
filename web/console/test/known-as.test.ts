import { expect, test } from 'vitest'
import { MOST_NAMES, typedNames } from '../src/known-as'

test('names stand on lines, or between commas and blanks, and each counts once', () => {
  const typed = '  C-1001\nzed@home.example, C-1001;C-2\r\n\t'
  expect(typedNames(typed)).toEqual({ names: ['C-1001', 'zed@home.example', 'C-2'], wrong: null })
})

test('nothing typed is no name, and nothing wrong', () => {
  expect(typedNames(' \n , ')).toEqual({ names: [], wrong: null })
})

test.each([
  ['anna@städte.example', 'anna@städte.example'],
  ['C‑1001', 'C‑1001'], // a hyphen that is none
  ['x'.repeat(321), `${'x'.repeat(40)}…`],
])('what cannot be looked up is named', (typed, shown) => {
  expect(typedNames(`C-1001\n${typed}`).wrong).toContain(`“${shown}”`)
})

test('there is room for so many and no more', () => {
  const many = Array.from({ length: MOST_NAMES }, (_, number) => `C-${number}`)
  expect(typedNames(many.join('\n')).wrong).toBeNull()
  expect(typedNames([...many, 'C-20'].join('\n')).wrong).toContain('These are 21; at most 20')
})
