import { expect, test } from 'vitest'
import { unmoved } from '../src/steady'

const list = (...names: string[]) => names.map((name) => ({ id: name.charAt(0), said: name }))

test('what becomes the newest stays where it stood, with what was said', () => {
  expect(unmoved(list('a', 'b', 'c'), list('c!', 'a', 'b'))).toEqual(list('a', 'b', 'c!'))
})

test('what comes new to the top waits', () => {
  expect(unmoved(list('a', 'b'), list('n', 'a', 'b'))).toEqual(list('a', 'b'))
})

test('what leaves the list keeps its place for the moment', () => {
  expect(unmoved(list('a', 'b', 'c'), list('a', 'c'))).toEqual(list('a', 'b', 'c'))
})

test('a further page is shown at the end', () => {
  expect(unmoved(list('a', 'b'), list('b', 'n', 'a', 'x', 'y'))).toEqual(list('a', 'b', 'x', 'y'))
})

test('of a list in which nothing stayed nothing follows', () => {
  expect(unmoved(list('a'), list('x'))).toEqual(list('a'))
})
