import { describeFixtures } from './fixture-suite.js'

await describeFixtures('proxy')
