import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.BinaryExpression
import org.codehaus.groovy.ast.expr.ClosureExpression
import org.codehaus.groovy.ast.expr.ConstantExpression
import org.codehaus.groovy.ast.expr.Expression
import org.codehaus.groovy.ast.expr.GStringExpression
import org.codehaus.groovy.ast.expr.ListExpression
import org.codehaus.groovy.ast.expr.MapExpression
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.VariableExpression
import org.codehaus.groovy.ast.stmt.BlockStatement
import org.codehaus.groovy.ast.stmt.ExpressionStatement
import org.codehaus.groovy.ast.stmt.Statement
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.MultipleCompilationErrorsException
import org.codehaus.groovy.control.Phases
import org.codehaus.groovy.runtime.MethodRankHelper

/**
 * What may stand where in a declarative Jenkinsfile, and with which arguments, as Jenkins
 * has it (https://www.jenkins.io/doc/book/pipeline/syntax/ and the pages of its plugins).
 *
 * Jenkins knows more than is here. That is refused too, until it is added: here, and to
 * Build, which has to do it.
 */
class Grammar {

    private static final Set RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT'] as Set
    private static final Map LIMIT = [
        needs: [time: Integer], takes: [unit: ['SECONDS', 'MINUTES', 'HOURS', 'DAYS'] as Set],
    ]
    private static final Map STEPS = [body: 'steps']

    /**
     * The calls that may stand in each block. `needs` and `takes` are a call's arguments and
     * their types: a class, a set of words, a block (for one of its calls), a list of that.
     * `body` is the block that it has, `words` are what may stand in place of the block.
     */
    private static final Map<String, Map<String, Map>> BLOCKS = [
        file: [pipeline: [body: 'pipeline']],
        pipeline: [
            agent: [words: ['any'], body: 'agent'],
            environment: [body: 'assignments'],
            options: [body: 'options'],
            parameters: [body: 'parameters'],
            post: [body: 'post'],
            stages: [body: 'stages'],
            triggers: [body: 'triggers'],
        ],
        agent: [label: [needs: [label: String]]],
        options: [
            buildDiscarder: [needs: [strategy: 'discarders']],
            disableConcurrentBuilds: [takes: [abortPrevious: Boolean]],
            skipDefaultCheckout: [:],
            timeout: LIMIT,
            timestamps: [:],
        ],
        discarders: [logRotator: [takes: [artifactNumToKeepStr: String, daysToKeepStr: String, numToKeepStr: String]]],
        triggers: [cron: [needs: [spec: String]]],
        parameters: [
            string: [needs: [name: String], takes: [defaultValue: String, description: String, trim: Boolean]],
        ],
        stages: [stage: [needs: [name: ConstantExpression], body: 'stage']],
        stage: [environment: [body: 'assignments'], post: [body: 'post'], steps: STEPS, when: [body: 'when']],
        when: [
            anyOf: [body: 'when'],
            branch: [needs: [pattern: String]],
            environment: [needs: [name: String, value: String]],
            expression: [body: 'code'],
            not: [body: 'when'],
            triggeredBy: [needs: [cause: String]],
        ],
        post: [
            always: STEPS, success: STEPS, unstable: STEPS, failure: STEPS, unsuccessful: STEPS, cleanup: STEPS,
        ],
        steps: [
            archiveArtifacts: [needs: [artifacts: String], takes: [fingerprint: Boolean]],
            catchError: [takes: [buildResult: RESULTS, stageResult: RESULTS], body: 'steps'],
            checkout: [needs: [scm: Map]],
            input: [needs: [message: String], takes: [ok: String, submitter: String]],
            junit: [needs: [testResults: String]],
            script: [body: 'code'],
            sh: [needs: [script: ConstantExpression]],
            timeout: LIMIT + STEPS,
            withCredentials: [needs: [bindings: ['bindings']], body: 'steps'],
            withEnv: [needs: [overrides: List], body: 'steps'],
        ],
        bindings: [
            sshUserPrivateKey: [needs: [credentialsId: String, keyFileVariable: String]],
            usernamePassword: [needs: [credentialsId: String, usernameVariable: String, passwordVariable: String]],
        ],
    ]

    private static final Map<String, List<String>> REQUIRED = [
        file: ['pipeline'], pipeline: ['agent', 'stages'], stage: ['steps'],
    ]

    /** Blocks whose calls can come more than once. */
    private static final List<String> REPEATING = ['stages', 'steps', 'when', 'parameters']

    private static final Map TYPES = [
        (String): 'a text', (Integer): 'a whole number', (Boolean): 'true or false', (List): 'a list',
        (Map): 'what a variable holds', (ConstantExpression): "a text in '…', in which Groovy fills in nothing",
    ]

    /** What was refused, as `line: why`. */
    final List<String> refusals = []

    /** Each stage's shell steps, as `stage: step`, in order. */
    final List<String> shellSteps = []

    private final Set<String> stages = ['']

    /** Print what is wrong with files, as FILE:LINE: WHY, or else the shell steps of each stage. */
    static void main(String[] paths) {
        List<Grammar> read = paths.collect { String path ->
            Grammar grammar = new Grammar(new File(path))
            (grammar.refusals.collect { "$path:$it" } ?: grammar.shellSteps).each { println it }
            grammar
        }
        System.exit(read.any { it.refusals } ? 1 : 0)
    }

    /** Read a file, without running anything of it. */
    Grammar(File file) {
        CompilationUnit unit = new CompilationUnit()
        unit.addSource(file)
        try {
            unit.compile(Phases.CONVERSION)
            check('file', unit.AST.modules.first().statementBlock, 1)
        } catch (MultipleCompilationErrorsException e) {
            e.errorCollector.errors*.cause.each { refuse(it.line, it.originalMessage.take(80)) }
        }
        if (!refusals) {
            list(unit.AST.modules.first().statementBlock)
        }
    }

    private void check(String block, BlockStatement body, int line) {
        if (block == 'code') {
            return
        }
        if (body.empty) {
            refuse(line, "$block is empty")
        }
        if (block == 'assignments') {
            body.statements.each { checkAssignment(it) }
            return
        }
        Collection<String> known = BLOCKS[block].keySet()
        List<Call> calls = []
        body.statements.each {
            if (it instanceof ExpressionStatement && Call.isIn(it.expression)) {
                calls << new Call(it.expression)
            } else {
                String hint = block == 'steps' ? '; other Groovy stands in script { }' : ''
                refuse(it.lineNumber, "this is none of what stands in $block: ${names(known)}$hint")
            }
        }
        calls.each { checkCall(block, it) }
        (REQUIRED.getOrDefault(block, []) - calls*.name).each { refuse(line, "$block needs $it") }
        if (!(block in REPEATING)) {
            (calls - calls.toUnique { it.name }).each { refuse(it.line, "$block has a second $it.name") }
        }
    }

    private void checkCall(String block, Call call) {
        Map signature = BLOCKS[block][call.name]
        if (signature == null) {
            List<String> others = BLOCKS.findAll { call.name in it.value.keySet() }*.key
            String hint = others ? ", it stands in ${others.join(' or ')}" : nearest(call.name, BLOCKS[block].keySet())
            refuse(call.line, "$block knows no $call.name$hint")
            return
        }
        if (call.positional*.text.any { it in signature.words } && !call.body) {
            return
        }
        checkArguments(call, signature.needs ?: [:], signature.takes ?: [:])
        if (signature.body && call.body) {
            check(signature.body, call.body.code, call.line)
        } else if (signature.body || call.body) {
            refuse(call.line, "$call.name ${signature.body ? 'needs a block: { … }' : 'takes no block'}")
        }
        if (call.name == 'stage') {
            String stage = call.positional*.text.join()
            if (!stages.add(stage)) {
                refuse(call.line, stage ? "a second stage has the name $stage" : "stage needs a name first: stage('…')")
            }
        }
    }

    private void checkArguments(Call call, Map needs, Map takes) {
        Map types = needs + takes
        Map<String, Expression> given = call.named
        if (call.positional) {
            if (given || call.positional.size() != needs.size()) {
                refuse(call.line, "$call.name takes arguments by name: ${names(types.keySet()) ?: 'it has none'}")
                return
            }
            given = [needs.keySet().toList(), call.positional].transpose().collectEntries()
        }
        (needs.keySet() - given.keySet()).each { refuse(call.line, "$call.name needs $it") }
        given.each { name, value ->
            if (name in types.keySet()) {
                checkValue("$name of $call.name", types[name], value)
            } else {
                refuse(value.lineNumber, "$call.name knows no argument $name${nearest(name, types.keySet())}")
            }
        }
    }

    /** What is known only when the file runs, as what a variable holds, may be anything. */
    private void checkValue(String what, Object type, Expression value) {
        if (type instanceof List) {
            (value instanceof ListExpression ? value.expressions : [value]).each { checkValue(what, type.first(), it) }
        } else if (type instanceof String && Call.isIn(value)) {
            checkCall(type, new Call(value))
        } else if (type instanceof String) {
            refuse(value.lineNumber, "$what is one of ${names(BLOCKS[type].keySet())}")
        } else if (type instanceof Set && !(value instanceof ConstantExpression && value.value in type)) {
            refuse(value.lineNumber, "$what is one of ${type.collect { "'$it'" }.join(', ')}")
        } else if (type instanceof Class && !isOf(type, value)) {
            refuse(value.lineNumber, "$what is ${TYPES[type]}")
        }
    }

    private static boolean isOf(Class type, Expression value) {
        switch (value) {
            case ConstantExpression:
                return (type == ConstantExpression ? String : type).isInstance(value.value)
            case GStringExpression:
                return type == String
            case ListExpression:
                return type == List
            default:
                return type != ConstantExpression
        }
    }

    private void checkAssignment(Statement statement) {
        Expression assignment = statement instanceof ExpressionStatement ? statement.expression : null
        boolean isOne = assignment instanceof BinaryExpression && assignment.operation.text == '=' &&
            assignment.leftExpression instanceof VariableExpression
        if (!isOne) {
            refuse(statement.lineNumber, "this is none of what stands in environment: NAME = 'text'")
        } else if (!(assignment.rightExpression.class in [ConstantExpression, GStringExpression])) {
            refuse(statement.lineNumber, "$assignment.leftExpression.name is a text in quotes")
        }
    }

    private void list(Statement statements) {
        String stage = ''
        statements.visit(new CodeVisitorSupport() {

            @Override
            void visitMethodCallExpression(MethodCallExpression expression) {
                Call call = new Call(expression)
                if (call.name == 'stage') {
                    stage = call.positional.first().text
                } else if (call.name == 'sh') {
                    String script = (call.positional + call.named.values()).first().text
                    shellSteps << "$stage: ${script.stripIndent().trim()}".toString()
                }
                super.visitMethodCallExpression(expression)
            }

        })
    }

    private void refuse(int line, String why) {
        refusals << "$line: $why".toString()
    }

    private static String names(Collection<String> names) {
        names.sort(false).join(', ')
    }

    private static String nearest(String name, Collection<String> known) {
        Closure<Integer> distance = { // 10 for a letter more, less or another
            MethodRankHelper.damerauLevenshteinDistance(name as Character[], it as Character[])
        }
        String best = known.min(distance)
        boolean isNear = best && distance(best) <= 10 * name.length() / 2
        isNear ? ": did you mean $best?" : ", but ${names(known) ?: 'nothing'}"
    }

    /** A call: its arguments by name and without, and the block that it ends with. */
    private static class Call {

        final String name
        final int line
        final ClosureExpression body
        final List<Expression> positional
        final Map<String, Expression> named

        Call(MethodCallExpression call) {
            name = call.methodAsString
            line = call.lineNumber
            List<Expression> given = call.arguments.expressions.toList()
            body = given && given.last() instanceof ClosureExpression ? given.removeLast() : null
            List<MapExpression> maps = given.findAll { it instanceof MapExpression }
            positional = given - maps
            named = maps*.mapEntryExpressions.flatten().collectEntries { [it.keyExpression.text, it.valueExpression] }
        }

        static boolean isIn(Expression expression) {
            expression instanceof MethodCallExpression && expression.implicitThis
        }

    }

}
