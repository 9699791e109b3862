import { expect, test } from 'vitest'
import { shownSize } from '../src/changes'

test.each([
  [1, '1 KB'],
  [340_000, '340 KB'],
  [999_999, '1,000 KB'],
  [1_200_000, '1.2 MB'],
  [5_000_000, '5 MB'],
])('%i bytes are told as "%s"', (bytes, text) => {
  expect(shownSize(bytes)).toBe(text)
})
