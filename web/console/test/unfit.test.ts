import { expect, test } from 'vitest'
import { unfit } from '../src/parts/unfit'

const THEN = 'a'.repeat(64)
const NOW = 'b'.repeat(64)

test('a report of what is in force is shown without a word', () => {
  expect(unfit({ trained_with: NOW, in_force: NOW })).toBeNull()
})

test('a report of other intents and examples names both, and says what to do', () => {
  const said = unfit({ trained_with: THEN, in_force: NOW })

  expect(said).toContain('aaaaaaaaaaaa;')
  expect(said).toContain('bbbbbbbbbbbb.')
  expect(said).toContain('train a model anew and promote it')
})

test('a model that was trained without a definition is not said to fit', () => {
  expect(unfit({ trained_with: null, in_force: NOW })).toContain('without a definition')
})
