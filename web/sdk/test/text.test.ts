import { expect, test } from 'vitest'
import { withHandles, withLinks } from '../src'

const links = (text: string) => withLinks(text).filter((part) => part.kind === 'link')

test.each([
  ['see https://bank.example/cards.', 'https://bank.example/cards'],
  ['(http://bank.example/a)', 'http://bank.example/a'],
  ['https://bank.example/?q=1&x=2, please', 'https://bank.example/?q=1&x=2'],
])('%s holds one link', (text, href) => {
  expect(links(text).map((part) => part.kind === 'link' && part.href)).toEqual([href])
})

test.each([
  'javascript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  '[x](javascript:alert(1))',
  'vbscript:x',
  'file:///etc/passwd',
  'https://',
  'https://bank.example@evil.example/',
  '<img src=x onerror=alert(1)>',
])('%s holds none', (text) => {
  expect(links(text)).toEqual([])
})

test('all of the text is kept', () => {
  for (const text of ['', 'a https://x.example b https://y.example.', 'plain', '<iban:1>']) {
    expect(withLinks(text).map((part) => part.text).join('')).toBe(text)
    expect(withHandles(text).map((part) => part.text).join('')).toBe(text)
  }
})

test('handles are set apart', () => {
  expect(withHandles('IBAN <iban:12>, born <date_of_birth:1>')).toEqual([
    { kind: 'text', text: 'IBAN ' },
    { kind: 'handle', text: '<iban:12>', type: 'iban', number: 12 },
    { kind: 'text', text: ', born ' },
    { kind: 'handle', text: '<date_of_birth:1>', type: 'date_of_birth', number: 1 },
  ])
})

test('what only looks like a handle is shown as it was typed', () => {
  expect(withHandles('mine is <\\iban:1>')).toEqual([{ kind: 'text', text: 'mine is <iban:1>' }])
})

test('tags are no handles', () => {
  expect(withHandles('<b>x</b> <script:x> <a:>').every((part) => part.kind === 'text')).toBe(true)
})
