import { describeGenerated } from './generated-suite.js'

describeGenerated('proxy')
