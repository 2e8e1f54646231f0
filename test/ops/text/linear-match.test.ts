// Regular expressions in linear time, against the engine's.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linearMatcher } from '../../../src/ops/text/linear-match.ts'

test('a regular expression is matched alike by both ways, and in linear time by one', () => {
  const patterns = ['(?:a|b)*c', 'a{2,3}b?', '(?<n>ab|a)(?:bc|c)', '[a-c]+\\d{2}', '\\bab\\b.*', 'a\\Bb|x', '(?:a*)*b', '(?:|a)+', '^a$|^b', '[^\\]a]+x', '\\.\\*|\\w{3,}', '\u{1f600}+|[\u{1f600}-\u{1f64f}]a', 'a{0}b{1}', '(?:a+?b){2}']
  const values = ['', 'a', 'b', 'c', 'abc', 'ac', 'aab', 'aaab', 'aaaab', 'ab', 'ab1', 'abc12', 'ab cd', 'x', 'xx', ']x', '.*', 'a_9', '\u{1f600}\u{1f600}', '\u{1f601}a', 'abab', 'aabab', '\ud83d']
  for (const pattern of patterns) {
    const matcher = linearMatcher(pattern)
    assert.ok(matcher)
    for (const value of values) assert.equal(matcher.test(value), new RegExp(`^(?:${pattern})$`, 'u').test(value), `${pattern} on ${JSON.stringify(value)}`)
  }
  assert.equal(linearMatcher('(?:a*)*b')?.test('a'.repeat(10_000)), false)
  assert.equal(linearMatcher('(?:a{1000}){1000}'), undefined)
})
